//! File descriptors: every call needs one, and so does everything else.

use nix::{
    errno::Errno,
    sys::resource::{Resource, getrlimit, setrlimit},
};

/// How many are in use, and how many there may be; `None` where the system does not say.
pub fn used_and_most() -> Option<(usize, usize)> {
    let (most, _) = getrlimit(Resource::RLIMIT_NOFILE).ok()?;
    let most = usize::try_from(most).unwrap_or(usize::MAX);
    match std::fs::read_dir("/proc/self/fd") {
        Ok(open) => Some((open.count(), most)),
        Err(error) => run_out(&error).then_some((most, most)),
    }
}

/// Whether something could not be opened because the process, or the machine, has no means left to open anything.
pub fn run_out(error: &std::io::Error) -> bool {
    let errno = error.raw_os_error().map(Errno::from_raw);
    matches!(
        errno,
        Some(Errno::EMFILE | Errno::ENFILE | Errno::ENOBUFS | Errno::ENOMEM)
    )
}

/// Takes as many as the system grants: the usual 1,024 are for programs that know nothing better.
pub fn take_all() {
    if let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE)
        && soft < hard
    {
        // Refused, it stays as it was, and the watch goes by what it is.
        setrlimit(Resource::RLIMIT_NOFILE, hard, hard).ok();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_open_file_is_counted() {
        let (before, most) = used_and_most().unwrap();
        let files: Vec<_> = (0..50)
            .map(|_| std::fs::File::open("/dev/null").unwrap())
            .collect();
        let (with, _) = used_and_most().unwrap();
        // Other tests open and close theirs meanwhile.
        assert!(
            with + 20 > before + files.len() && with < most,
            "{before} {with} {most}"
        );
    }
}
