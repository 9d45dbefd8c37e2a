//! rustls has exactly one cryptography in this program.
//!
//! With two of them compiled in, every `ClientConfig::builder()` without a named provider panics, those of LiveKit's crates
//! included, and only when somebody connects. A dependency that switches on the second one fails here instead. In a process
//! of its own, for a provider that was installed would hide it.

#[test]
fn a_client_can_be_configured_without_naming_a_provider() {
    assert!(rustls::crypto::CryptoProvider::get_default().is_none());
    let _ = rustls::ClientConfig::builder();
}
