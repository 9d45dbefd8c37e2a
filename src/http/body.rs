//! A body as it is.

use actix_web::{FromRequest, HttpRequest, dev::Payload, error::PayloadError, web::Bytes};
use futures_util::future::LocalBoxFuture;

use crate::http::problem::{self, Problem};

/// All octets of a body, within the limit of its route.
pub(super) struct Body(pub(super) Bytes);

impl FromRequest for Body {
    type Error = Problem;
    type Future = LocalBoxFuture<'static, Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let bytes = Bytes::from_request(request, payload);
        Box::pin(async move {
            let bytes = bytes
                .await
                .map_err(|error| match error.as_error::<PayloadError>() {
                    Some(error) => problem::payload_problem(error),
                    // Bytes fail otherwise only over their limit, and when that was announced.
                    None => problem::payload_problem(&PayloadError::Overflow),
                });
            Ok(Self(bytes?))
        })
    }
}
