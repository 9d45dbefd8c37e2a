//! A link as the driver holds it.

use std::cell::RefCell;
use std::rc::Rc;

use rtrb::Consumer;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;

use super::health::LinkState;
use super::site::RoomSite;
use super::task::{LinkSpec, LinkTask, Order};
use crate::actors::clock;
use crate::livekit::{LinkRole, RoomPass};
use crate::media::opus::OpusPacket;

/// Orders that may wait for a link; it takes them at once.
const ORDERS_MAX: usize = 64;

/// The way to a link that works. Dropped, the link leaves.
pub(super) struct LinkHandle {
    orders: mpsc::Sender<Order>,
    state: Rc<RefCell<LinkState>>,
    /// Resolves when the link has left.
    ended: oneshot::Receiver<()>,
}

impl LinkHandle {
    /// Starts a link, which joins after `wait`.
    pub(super) fn start(
        tasks: &mut JoinSet<()>,
        room: Rc<RoomSite>,
        role: LinkRole,
        pass: RoomPass,
        audio: Option<Consumer<OpusPacket>>,
        wait: impl Future<Output = ()> + 'static,
    ) -> Self {
        let (orders, inbox) = mpsc::channel(ORDERS_MAX);
        let (end, ended) = oneshot::channel::<()>();
        let state = Rc::new(RefCell::new(LinkState {
            role,
            down_since: Some(clock::now()),
            trouble: None,
        }));
        let spec = LinkSpec {
            room,
            role,
            pass,
            audio,
            orders: inbox,
            state: Rc::clone(&state),
        };
        tasks.spawn_local(async move {
            wait.await;
            LinkTask::new(spec).run().await;
            drop(end);
        });
        Self {
            orders,
            state,
            ended,
        }
    }

    pub(super) fn order(&self, order: Order) {
        // A link that has ended needs no orders any more, and one that takes none is about to begin anew.
        let _ = self.orders.try_send(order);
    }

    /// Has the link leave; resolves when it has.
    pub(super) fn leave(self) -> oneshot::Receiver<()> {
        self.order(Order::Close);
        self.ended
    }

    pub(super) fn has_ended(&self) -> bool {
        self.orders.is_closed()
    }

    pub(super) fn state(&self) -> LinkState {
        self.state.borrow().clone()
    }

    pub(super) fn is_up(&self) -> bool {
        self.state.borrow().down_since.is_none()
    }
}
