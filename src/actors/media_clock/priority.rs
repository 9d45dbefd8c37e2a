//! Audio before everything else: a media thread asks the kernel to be woken before others, whatever they compute.

use thread_priority::{
    Error, RealtimeThreadSchedulePolicy, ThreadPriority, ThreadPriorityValue, ThreadSchedulePolicy,
    set_thread_priority_and_policy, thread_native_id,
};

/// Above every ordinary thread, below those of the kernel.
const PRIORITY: u8 = 10;

/// Makes the current thread a real-time one (`SCHED_RR`, sched(7)) where the process may do so: as root, with
/// `CAP_SYS_NICE`, or with `RLIMIT_RTPRIO` of [`PRIORITY`] and more. Else the thread goes on as it is, which the log says.
pub(super) fn raise() {
    match try_to_raise() {
        Ok(()) => tracing::debug!(priority = PRIORITY, "media thread is a real-time thread"),
        Err(error) => tracing::info!(
            %error,
            "media thread has no real-time priority: on a busy machine audio may be late. Allow it with CAP_SYS_NICE or a limit for rtprio of {PRIORITY}"
        ),
    }
}

fn try_to_raise() -> Result<(), Error> {
    let value = ThreadPriorityValue::try_from(PRIORITY);
    let value = value.map_err(|_| Error::Priority("no such priority"))?;
    let policy = ThreadSchedulePolicy::Realtime(RealtimeThreadSchedulePolicy::RoundRobin);
    let priority = ThreadPriority::Crossplatform(value);
    set_thread_priority_and_policy(thread_native_id(), priority, policy)
}
