//! `GET /api/openapi.json`: the document beside this file, as it is. A test holds it against the routes.

use actix_web::HttpResponse;

use crate::http::auth::SignedIn;

/// The document.
pub(super) const DOCUMENT: &str = include_str!("openapi.json");

/// For whoever writes a client.
pub(super) async fn show(_: SignedIn) -> HttpResponse {
    HttpResponse::Ok()
        .content_type("application/json")
        .body(DOCUMENT)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;

    use super::*;
    use crate::http::routes;

    /// Refused on purpose, so not in the document.
    const UNDOCUMENTED: &str = "/rtc/v1{rest:.*}";

    #[test]
    fn the_document_has_every_route_and_no_other() {
        let document: Value = serde_json::from_str(DOCUMENT).unwrap();
        let documented: BTreeSet<String> = document["paths"]
            .as_object()
            .unwrap()
            .iter()
            .flat_map(|(path, methods)| {
                methods
                    .as_object()
                    .unwrap()
                    .keys()
                    .map(move |method| format!("{} {path}", method.to_uppercase()))
            })
            .collect();
        let routed: BTreeSet<String> = routes::table()
            .iter()
            .filter(|endpoint| endpoint.path() != UNDOCUMENTED)
            .flat_map(|endpoint| {
                endpoint
                    .methods()
                    .iter()
                    .map(move |method| format!("{method} {}", endpoint.path()))
            })
            .collect();
        assert_eq!(documented, routed);
    }

    #[test]
    fn every_reference_leads_somewhere() {
        let document: Value = serde_json::from_str(DOCUMENT).unwrap();
        let references = DOCUMENT
            .split("\"$ref\": \"#")
            .skip(1)
            .map(|rest| rest.split('"').next().unwrap());
        for reference in references {
            assert!(document.pointer(reference).is_some(), "{reference}");
        }
    }
}
