//! The hash algorithms and what is hashed (RFC 7616 section 3.4).

use std::fmt::Write as _;

use md5::Md5;
use sha2::digest::Digest;
use sha2::{Sha256, Sha512_256};

/// A hash algorithm of RFC 8760 section 2.2.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Algorithm {
    /// What every peer can, and what is weak.
    Md5,
    /// SHA-256.
    Sha256,
    /// SHA-512/256.
    Sha512_256,
}

/// What goes into a response beside the login, as text.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked<'a> {
    pub(super) realm: &'a str,
    pub(super) nonce: &'a str,
    pub(super) method: &'a str,
    pub(super) uri: &'a str,
    /// Nonce count and client nonce, with `qop=auth`.
    pub(super) counted: Option<(&'a str, &'a str)>,
}

impl Algorithm {
    /// The token of the `algorithm` parameter.
    #[must_use]
    pub fn token(self) -> &'static str {
        match self {
            Self::Md5 => "MD5",
            Self::Sha256 => "SHA-256",
            Self::Sha512_256 => "SHA-512-256",
        }
    }

    /// The algorithm of a token, in any case.
    #[must_use]
    pub fn from_token(token: &str) -> Option<Self> {
        [Self::Md5, Self::Sha256, Self::Sha512_256]
            .into_iter()
            .find(|algorithm| algorithm.token().eq_ignore_ascii_case(token))
    }

    /// The `response` parameter: hexadecimal digits.
    pub(super) fn response(self, user: &str, password: &str, asked: &Asked<'_>) -> String {
        let secret = self.hash(&[user, asked.realm, password]);
        let subject = self.hash(&[asked.method, asked.uri]);
        match asked.counted {
            Some((count, client_nonce)) => {
                self.hash(&[&secret, asked.nonce, count, client_nonce, "auth", &subject])
            }
            None => self.hash(&[&secret, asked.nonce, &subject]),
        }
    }

    /// The hash of `parts` with colons between them, in hexadecimal digits.
    fn hash(self, parts: &[&str]) -> String {
        match self {
            Self::Md5 => hex_of::<Md5>(parts),
            Self::Sha256 => hex_of::<Sha256>(parts),
            Self::Sha512_256 => hex_of::<Sha512_256>(parts),
        }
    }
}

fn hex_of<D: Digest>(parts: &[&str]) -> String {
    let mut digest = D::new();
    for (index, part) in parts.iter().enumerate() {
        if index > 0 {
            digest.update(b":");
        }
        digest.update(part.as_bytes());
    }
    let octets = digest.finalize();
    octets
        .iter()
        .fold(String::with_capacity(2 * octets.len()), |mut hex, octet| {
            // Writing into memory does not fail.
            let _ = write!(hex, "{octet:02x}");
            hex
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_examples_of_rfc_7616_section_3_9_1() {
        let asked = Asked {
            realm: "http-auth@example.org",
            nonce: "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v",
            method: "GET",
            uri: "/dir/index.html",
            counted: Some(("00000001", "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ")),
        };
        let response =
            |algorithm: Algorithm| algorithm.response("Mufasa", "Circle of Life", &asked);
        assert_eq!(response(Algorithm::Md5), "8ca523f5e9506fed4657c9700eebdbec");
        assert_eq!(
            response(Algorithm::Sha256),
            "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"
        );
    }

    /// The hash of the user's name and realm in RFC 7616 section 3.9.2, as erratum 4897 corrects it: SHA-512/256 of FIPS 180-4, not
    /// SHA-512 cut short.
    #[test]
    fn sha_512_256_is_an_algorithm_of_its_own() {
        assert_eq!(
            Algorithm::Sha512_256.hash(&["Jäsøn Doe", "api@example.org"]),
            "793263caabb707a56211940d90411ea4a575adeccb7e360aeb624ed06ece9b0b"
        );
    }

    #[test]
    fn the_example_of_rfc_2617_section_3_5_with_a_count_and_without() {
        let counted = Asked {
            realm: "testrealm@host.com",
            nonce: "dcd98b7102dd2f0e8b11d0f600bfb0c093",
            method: "GET",
            uri: "/dir/index.html",
            counted: Some(("00000001", "0a4f113b")),
        };
        let plain = Asked {
            counted: None,
            ..counted
        };
        let response =
            |asked: &Asked<'_>| Algorithm::Md5.response("Mufasa", "Circle Of Life", asked);
        assert_eq!(response(&counted), "6629fae49393a05397450978507c4ef1");
        assert_eq!(response(&plain), "670fd8c2df070c60b045671b8b24ff02");
    }

    #[test]
    fn tokens_read_back_in_any_case() {
        for algorithm in [Algorithm::Md5, Algorithm::Sha256, Algorithm::Sha512_256] {
            assert_eq!(Algorithm::from_token(algorithm.token()), Some(algorithm));
        }
        assert_eq!(Algorithm::from_token("sha-256"), Some(Algorithm::Sha256));
        for token in ["", "MD5-sess", "SHA-256-sess", "SHA256", "AKAv1-MD5"] {
            assert_eq!(Algorithm::from_token(token), None);
        }
    }
}
