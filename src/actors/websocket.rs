//! Refuses a WebSocket frame by its head. The codec behind it looks at a frame's length only when all of it is there, so a far
//! end that announces a gigabyte could have it kept in memory.
//!
//! ```text
//! octets of the socket -> head (RFC 6455 section 5.2) -> length within the limit? -> the codec
//! ```

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use actix_web::{
    FromRequest as _, HttpRequest, dev,
    error::PayloadError,
    web::{Bytes, Payload},
};
use actix_ws::ProtocolError;
use futures_util::Stream;

/// Longest head of a frame: two octets, eight of length, four of mask.
const HEAD_MAX: usize = 14;

/// Follows frames by their heads.
#[derive(Debug)]
struct Heads {
    head: Vec<u8>,
    /// Octets of the payload that are still to come.
    rest: u64,
    payload_max: u64,
}

impl Heads {
    fn new(payload_max: usize) -> Self {
        Self {
            head: Vec::with_capacity(HEAD_MAX),
            rest: 0,
            payload_max: payload_max as u64,
        }
    }

    /// Takes the next octets; `false` when a frame in them is too long.
    fn admit(&mut self, mut octets: &[u8]) -> bool {
        while let Some((first, others)) = octets.split_first() {
            if self.rest > 0 {
                let passed = octets
                    .len()
                    .min(usize::try_from(self.rest).unwrap_or(usize::MAX));
                self.rest -= passed as u64;
                octets = octets.get(passed..).unwrap_or_default();
                continue;
            }
            self.head.push(*first);
            octets = others;
            if let Some(length) = self.length() {
                if length > self.payload_max {
                    return false;
                }
                self.rest = length;
                self.head.clear();
            }
        }
        true
    }

    /// The length that the head tells, once it is whole.
    fn length(&self) -> Option<u64> {
        let (_, sizes) = self.head.split_first()?;
        let (size, extended) = sizes.split_first()?;
        let mask_len = if size & 0x80 == 0 { 0 } else { 4 };
        let extended_len = match size & 0x7f {
            126 => 2,
            127 => 8,
            short => return (extended.len() >= mask_len).then_some(u64::from(short)),
        };
        let length = extended.get(..extended_len)?;
        let is_whole = extended.len() >= extended_len + mask_len;
        is_whole.then(|| {
            length
                .iter()
                .fold(0, |length, octet| (length << 8) | u64::from(*octet))
        })
    }
}

/// The octets of a WebSocket as long as no frame is too long.
struct Guarded {
    heads: Heads,
    octets: dev::Payload,
}

impl Stream for Guarded {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let polled = Pin::new(&mut self.octets).poll_next(cx);
        if let Poll::Ready(Some(Ok(octets))) = &polled
            && !self.heads.admit(octets)
        {
            return Poll::Ready(Some(Err(PayloadError::Overflow)));
        }
        polled
    }
}

/// The body of an upgrade, with frames of `payload_max` octets at most.
///
/// # Errors
/// None in practice: the body is made from a stream.
pub async fn guarded(
    request: &HttpRequest,
    body: Payload,
    payload_max: usize,
) -> Result<Payload, actix_web::Error> {
    let stream: Pin<Box<dyn Stream<Item = Result<Bytes, PayloadError>>>> = Box::pin(Guarded {
        heads: Heads::new(payload_max),
        octets: body.into_inner(),
    });
    Payload::from_request(request, &mut dev::Payload::from(stream)).await
}

/// Whether a socket came to its end because a frame was too long.
#[must_use]
pub fn is_too_long(error: &ProtocolError) -> bool {
    let ProtocolError::Io(error) = error else {
        return matches!(error, ProtocolError::Overflow);
    };
    let inner = error.get_ref();
    let inner = inner.and_then(|inner| inner.downcast_ref::<PayloadError>());
    // actix-web-actors keeps of an error nothing but its words.
    matches!(inner, Some(PayloadError::Overflow))
        || error.to_string() == PayloadError::Overflow.to_string()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A masked text frame.
    fn frame(len: usize) -> Vec<u8> {
        let mut frame = vec![0x81];
        match len {
            0..126 => frame.push(0x80 | len as u8),
            126..65_536 => {
                frame.push(0xfe);
                frame.extend((len as u16).to_be_bytes());
            }
            _ => {
                frame.push(0xff);
                frame.extend((len as u64).to_be_bytes());
            }
        }
        frame.extend([1, 2, 3, 4]);
        frame.extend(std::iter::repeat_n(0x7f, len));
        frame
    }

    #[test]
    fn what_is_announced_is_enough() {
        for size in [
            &[0x81_u8, 0xff, 0, 0, 0, 0, 0x40, 0, 0, 0, 0, 0, 0, 0][..],
            &[0x81, 0xfe, 0x40, 1, 0, 0, 0, 0],
        ] {
            assert!(!Heads::new(16 * 1024).admit(size), "{size:?}");
        }
        let unmasked = [0x81, 127, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff];
        assert!(!Heads::new(16 * 1024).admit(&unmasked));
    }

    proptest! {
        #[test]
        fn frames_within_the_limit_pass_however_they_are_cut(
            lens in proptest::collection::vec(prop_oneof![0..130_usize, 65_000..70_000_usize], 1..6),
            cut in 1..3000_usize,
        ) {
            let octets: Vec<u8> = lens.iter().flat_map(|len| frame(*len)).collect();
            let mut heads = Heads::new(70_000);
            prop_assert!(octets.chunks(cut).all(|piece| heads.admit(piece)));
            prop_assert_eq!((heads.rest, heads.head.len()), (0, 0));
            let mut heads = Heads::new(70_000);
            let too_long = [octets, frame(70_001)].concat();
            prop_assert!(!too_long.chunks(cut).all(|piece| heads.admit(piece)));
        }

        #[test]
        fn no_octets_panic(octets in proptest::collection::vec(any::<u8>(), 0..200)) {
            let mut heads = Heads::new(50);
            heads.admit(&octets);
            prop_assert!(heads.head.len() <= HEAD_MAX);
        }
    }
}
