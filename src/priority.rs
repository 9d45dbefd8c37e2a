//! Which threads go first where there are not processors enough: audio, then everything else, then what can wait.

use thread_priority::{
    Error, NormalThreadSchedulePolicy, RealtimeThreadSchedulePolicy, ThreadPriority,
    ThreadPriorityValue, ThreadSchedulePolicy, set_thread_priority_and_policy, thread_native_id,
};

/// Of audio: above every ordinary thread, below those of the kernel.
const AUDIO: u8 = 10;
/// Of what can wait, in hundredths from the lowest to the highest: 9 in the terms of nice(2), an eighth of an ordinary thread's
/// share.
const PATIENT: u8 = 23;

/// Makes the current thread a real-time one (`SCHED_RR`, sched(7)) where the process may do so: as root, with
/// `CAP_SYS_NICE`, or with `RLIMIT_RTPRIO` of [`AUDIO`] and more. Else the thread goes on as it is, which the log says.
pub fn raise() {
    let policy = ThreadSchedulePolicy::Realtime(RealtimeThreadSchedulePolicy::RoundRobin);
    match set(policy, AUDIO) {
        Ok(()) => tracing::debug!(priority = AUDIO, "media thread is a real-time thread"),
        Err(error) => tracing::info!(
            %error,
            "media thread has no real-time priority: on a busy machine audio may be late. Allow it with CAP_SYS_NICE or a limit for rtprio of {AUDIO}"
        ),
    }
}

/// Lets all other threads go first: of work that nobody waits for.
pub fn give_way() {
    let policy = ThreadSchedulePolicy::Normal(NormalThreadSchedulePolicy::Other);
    if let Err(error) = set(policy, PATIENT) {
        tracing::debug!(%error, "this thread does not give way to others");
    }
}

fn set(policy: ThreadSchedulePolicy, priority: u8) -> Result<(), Error> {
    let value = ThreadPriorityValue::try_from(priority);
    let value = value.map_err(|_| Error::Priority("no such priority"))?;
    let priority = ThreadPriority::Crossplatform(value);
    set_thread_priority_and_policy(thread_native_id(), priority, policy)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_gives_way_is_nicer_and_nobody_else_is() {
        let nice = || {
            let stat = std::fs::read_to_string("/proc/thread-self/stat").unwrap();
            // proc_pid_stat(5): the name in brackets may hold spaces, `nice` is the 17th field after it.
            let fields = stat.rsplit(')').next().unwrap().split_whitespace();
            fields.skip(16).map(str::to_owned).next().unwrap()
        };
        let before = nice();
        let patient = std::thread::scope(|scope| {
            let thread = scope.spawn(|| {
                give_way();
                nice()
            });
            thread.join().unwrap()
        });
        assert_eq!((patient.as_str(), nice()), ("9", before));
    }
}
