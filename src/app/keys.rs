//! Secrets of our own: made at the first start, kept in the data directory, readable by the owner alone.

use std::{fs, io::Write as _, os::unix::fs::OpenOptionsExt as _, path::Path};

use anyhow::Context as _;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use sha2::{Digest as _, Sha256};

use crate::{actors::random, config::Config};

/// Secrets of our own.
pub(super) struct Keys {
    /// Key and secret of LiveKit tokens.
    pub livekit: (String, String),
    /// Signs dashboards' sessions.
    pub session: [u8; 32],
    /// Signs the call tokens in our TwiML.
    pub calls: [u8; 32],
    /// The name of this switch among all that use the same LiveKit server, no secret.
    pub node: String,
}

impl Keys {
    /// Reads them, or makes what is missing.
    pub(super) fn open(config: &Config) -> anyhow::Result<Self> {
        let dir = &config.data_dir;
        fs::create_dir_all(dir)
            .with_context(|| format!("cannot make the data directory {}", dir.display()))?;
        let livekit = match &config.livekit.key {
            Some((key, secret)) => (key.clone(), secret.0.clone()),
            None => (
                "audioroad".to_owned(),
                URL_SAFE_NO_PAD.encode(secret(dir, "livekit.key")?),
            ),
        };
        let session = secret(dir, "session.key")?;
        let node = config.livekit.node.clone();
        Ok(Self {
            livekit,
            node: node.unwrap_or_else(|| node_of(&session)),
            session,
            calls: secret(dir, "calls.key")?,
        })
    }
}

/// A name that stays the same as long as the data directory does, and gives nothing of the key away.
fn node_of(key: &[u8; 32]) -> String {
    let digest = Sha256::new()
        .chain_update(b"switch.node")
        .chain_update(key)
        .finalize();
    digest
        .iter()
        .take(4)
        .fold(String::new(), |name, byte| format!("{name}{byte:02x}"))
}

fn secret(dir: &Path, name: &str) -> anyhow::Result<[u8; 32]> {
    let path = dir.join(name);
    if let Ok(text) = fs::read_to_string(&path) {
        let bytes = URL_SAFE_NO_PAD.decode(text.trim()).ok();
        return bytes
            .and_then(|bytes| bytes.try_into().ok())
            .with_context(|| {
                format!(
                    "{} does not hold a key; remove it to have a new one made",
                    path.display()
                )
            });
    }
    let key = random::secret();
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&path)
        .with_context(|| format!("cannot write {}", path.display()))?;
    writeln!(file, "{}", URL_SAFE_NO_PAD.encode(key))?;
    Ok(key)
}
