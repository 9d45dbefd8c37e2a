//! The few things we read from and write into SDP text ourselves; the rest is `str0m`'s.
//!
//! Limits: lines are scanned, not parsed. What is not understood is left alone.

use std::collections::HashMap;

/// One m-line of a session description (RFC 8866 section 5.14), as far as signalling needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MediaSection<'a> {
    /// `audio`, `video` or `application`.
    pub kind: &'a str,
    /// The `a=mid` (RFC 5888), empty when the section has none.
    pub mid: &'a str,
    /// True when the author of the description sends on this section: `sendrecv` (the default)
    /// or `sendonly`, and the port is not zero.
    pub sends: bool,
    /// Second field of `a=msid` (RFC 8830): the track's id at its sender.
    pub track_id: Option<&'a str>,
}

/// The names a media section carries in its `a=msid` line (RFC 8830).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Msid {
    /// The MediaStream's id.
    pub stream: String,
    /// The MediaStreamTrack's id.
    pub track: String,
}

/// The media sections of a description, in order.
pub fn media_sections(sdp: &str) -> Vec<MediaSection<'_>> {
    let mut sections: Vec<MediaSection<'_>> = Vec::new();
    for line in sdp.lines().map(str::trim_end) {
        if let Some(media) = line.strip_prefix("m=") {
            let mut fields = media.split(' ');
            let kind = fields.next().unwrap_or("");
            let sends = fields.next() != Some("0");
            sections.push(MediaSection {
                kind,
                mid: "",
                sends,
                track_id: None,
            });
            continue;
        }
        let Some(section) = sections.last_mut() else {
            continue;
        };
        if let Some(mid) = line.strip_prefix("a=mid:") {
            section.mid = mid;
        } else if let Some(msid) = line.strip_prefix("a=msid:") {
            section.track_id = msid.split_ascii_whitespace().nth(1);
        } else if line == "a=recvonly" || line == "a=inactive" {
            section.sends = false;
        }
    }
    sections
}

/// The description with every `sendrecv` made `sendonly`: an offer whose author means to send, and
/// is told so by an answer that only receives.
pub fn sending_only(sdp: &str) -> String {
    let mut out = String::with_capacity(sdp.len());
    for line in sdp.lines() {
        out.push_str(if line == "a=sendrecv" {
            "a=sendonly"
        } else {
            line
        });
        out.push_str("\r\n");
    }
    out
}

/// The first certificate fingerprint of a description (RFC 8122 section 5): whose DTLS it is.
pub fn fingerprint(sdp: &str) -> Option<&str> {
    sdp.lines()
        .find_map(|line| line.strip_prefix("a=fingerprint:"))
        .map(str::trim_end)
}

/// Puts other names into the `a=msid` and `a=ssrc:.. msid:` lines of the sections named by mid.
///
/// An m-line that served one track serves the next under the next track's name; the transport
/// beneath fixes the name when the line is made.
pub fn with_msids(sdp: &str, msids: &HashMap<String, Msid>) -> String {
    let mut out = String::with_capacity(sdp.len());
    let mids: Vec<&str> = media_sections(sdp)
        .into_iter()
        .map(|section| section.mid)
        .collect();
    let mut next = mids.iter();
    let mut msid: Option<&Msid> = None;
    for line in sdp.lines() {
        if line.starts_with("m=") {
            msid = next.next().and_then(|mid| msids.get(*mid));
        }
        match (msid, line.starts_with("a=ssrc:"), line.split_once(" msid:")) {
            (Some(m), _, _) if line.starts_with("a=msid:") => {
                out.push_str(&format!("a=msid:{} {}", m.stream, m.track));
            }
            (Some(m), true, Some((ssrc, _))) => {
                out.push_str(&format!("{ssrc} msid:{} {}", m.stream, m.track));
            }
            _ => out.push_str(line),
        }
        out.push_str("\r\n");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const OFFER: &str = "v=0\r\no=- 1 2 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n\
        m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:0\r\n\
        m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:1\r\na=sendonly\r\na=msid:stream mic\r\n\
        a=ssrc:77 cname:x\r\na=ssrc:77 msid:stream mic\r\n\
        m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=msid:- other\r\na=recvonly\r\na=mid:2\r\n\
        m=video 0 UDP/TLS/RTP/SAVPF 96\r\na=mid:3\r\n";

    #[test]
    fn sections_are_read_with_mid_direction_and_track() {
        let found = media_sections(OFFER);
        let brief: Vec<_> = found
            .iter()
            .map(|s| (s.kind, s.mid, s.sends, s.track_id))
            .collect();
        assert_eq!(
            brief,
            [
                ("application", "0", true, None),
                ("audio", "1", true, Some("mic")),
                ("audio", "2", false, Some("other")),
                ("video", "3", false, None),
            ]
        );
    }

    #[test]
    fn only_the_named_section_gets_the_new_msid() {
        let msid = Msid {
            stream: "PA_1|TR_9".into(),
            track: "TR_9".into(),
        };
        let out = with_msids(OFFER, &HashMap::from([("1".to_owned(), msid)]));
        assert!(out.contains("a=msid:PA_1|TR_9 TR_9\r\n"));
        assert!(out.contains("a=ssrc:77 msid:PA_1|TR_9 TR_9\r\n"));
        assert!(out.contains("a=ssrc:77 cname:x\r\n"));
        assert!(out.contains("a=msid:- other\r\n"));
        assert_eq!(out.lines().count(), OFFER.lines().count());
    }

    #[test]
    fn only_whole_lines_are_made_sendonly() {
        let sdp = "v=0\r\ns=a=sendrecv\r\na=sendrecv\r\na=sendrecvx\r\na=recvonly\r\n";
        assert_eq!(
            sending_only(sdp),
            "v=0\r\ns=a=sendrecv\r\na=sendonly\r\na=sendrecvx\r\na=recvonly\r\n"
        );
    }

    #[test]
    fn the_first_fingerprint_is_found() {
        let sdp =
            "v=0\r\na=fingerprint:sha-256 AA:BB\r\nm=audio 9 X 1\r\na=fingerprint:sha-1 CC\r\n";
        assert_eq!(fingerprint(sdp), Some("sha-256 AA:BB"));
        assert_eq!(fingerprint(OFFER), None);
    }

    proptest! {
        #[test]
        fn any_text_is_scanned_without_harm(text in "(m=|a=mid:|a=msid:|a=ssrc:|[ -~]|\r\n){0,80}") {
            let sections = media_sections(&text).len();
            let out = with_msids(&text, &HashMap::new());
            prop_assert_eq!(media_sections(&out).len(), sections);
        }
    }
}
