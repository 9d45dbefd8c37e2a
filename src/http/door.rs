//! What every request passes before its route: the limits of its connection and its time, and which port it came by.

use std::any::Any;

use actix_web::{
    Error,
    body::MessageBody,
    dev::{Extensions, ServiceRequest, ServiceResponse},
    http::StatusCode,
    middleware::Next,
    rt::{net::TcpStream, time::timeout},
    web::Data,
};
use socket2::SockRef;

use crate::http::{REQUEST_PATIENCE, problem::Problem};

/// A client that takes nothing for so long is cut off by the kernel, whatever was being sent: a page, or frames to a dashboard.
const NOT_READING_MAX: std::time::Duration = std::time::Duration::from_secs(30);

/// What may be asked on the health port.
const HEALTH_PATHS: [&str; 2] = ["/health", "/metrics"];

/// The ports we listen on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ports {
    /// Health and metrics alone.
    pub(super) health: u16,
}

/// Whether a request came by the health port, which only the operator's own network reaches.
pub(super) fn came_by_health_port(request: &ServiceRequest) -> bool {
    let ports = request.app_data::<Data<Ports>>();
    ports.is_some_and(|ports| request.app_config().local_addr().port() == ports.health)
}

/// Marks a request of the health port.
#[derive(Clone, Copy, Debug)]
pub(super) struct ByHealthPort;

/// Lets nothing but health and metrics through on the health port.
pub(super) async fn health_port(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    use actix_web::HttpMessage as _;
    if came_by_health_port(&request) {
        if !HEALTH_PATHS.contains(&request.path()) {
            return Err(Problem::not_found("This port answers /health and /metrics alone.").into());
        }
        request.extensions_mut().insert(ByHealthPort);
    }
    next.call(request).await
}

/// Gives up on a request that takes too long: a body that trickles in, a database that hangs.
pub(super) async fn deadline(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    match timeout(REQUEST_PATIENCE, next.call(request)).await {
        Ok(answered) => answered,
        Err(_) => {
            Err(Problem::new(StatusCode::REQUEST_TIMEOUT, "The request took too long.").into())
        }
    }
}

/// Sets a new connection's options. Failing to costs a little speed or memory, not the connection.
pub(super) fn tune(connection: &dyn Any, _: &mut Extensions) {
    if let Some(stream) = connection.downcast_ref::<TcpStream>() {
        let socket = SockRef::from(stream);
        socket.set_tcp_nodelay(true).ok();
        #[cfg(target_os = "linux")]
        socket.set_tcp_user_timeout(Some(NOT_READING_MAX)).ok();
    }
}
