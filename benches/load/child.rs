//! Peers' programs: started on the core of those under test, waited for, and killed when they have not gone by themselves.

use std::io;
use std::net::{Ipv4Addr, TcpListener, UdpSocket};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use crate::machine;

const START_MAX: Duration = Duration::from_secs(20);
/// Janus was seen to hang for minutes after a SIGTERM.
const GRACE: Duration = Duration::from_secs(3);

/// A program that runs.
pub(crate) struct Program {
    process: Child,
}

impl Program {
    /// `None` when it is not installed.
    pub(crate) fn start(command: &mut Command) -> Result<Option<Self>> {
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        match machine::on_tested_core(|| command.spawn())? {
            Ok(process) => Ok(Some(Self { process })),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.process.id()
    }

    /// Waits until `is_there`.
    pub(crate) fn wait_for(
        &mut self,
        what: &str,
        mut is_there: impl FnMut() -> bool,
    ) -> Result<()> {
        let began = Instant::now();
        while !is_there() {
            if let Some(status) = self.process.try_wait()? {
                bail!("{what} went: {status}");
            }
            if began.elapsed() > START_MAX {
                bail!("{what} does not answer");
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        Ok(())
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let asked = Command::new("kill")
            .arg(self.process.id().to_string())
            .status();
        let began = Instant::now();
        while asked.is_ok() && began.elapsed() < GRACE {
            if !matches!(self.process.try_wait(), Ok(None)) {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A port that nobody listens on, by TCP or UDP.
pub(crate) fn free_port() -> Result<u16> {
    loop {
        let port = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?
            .local_addr()?
            .port();
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return Ok(port);
        }
    }
}
