//! TwiML as Twilio reads it: an XML document whose elements are verbs.

use std::collections::BTreeMap;

use quick_xml::events::{BytesStart, Event};
use quick_xml::{Reader, XmlVersion};
use url::form_urlencoded;

/// A verb or noun of TwiML.
#[derive(Debug, Default)]
pub(crate) struct Element {
    pub(crate) name: String,
    pub(crate) attributes: BTreeMap<String, String>,
    pub(crate) text: String,
    pub(crate) children: Vec<Self>,
}

/// The SIP call that a `<Sip>` asks for.
#[derive(Debug)]
pub(crate) struct SipCall {
    /// What the INVITE asks for, headers not included.
    pub(crate) uri: String,
    /// Host and port that are called.
    pub(crate) target: String,
    pub(crate) transport: String,
    /// Headers of the INVITE, decoded.
    pub(crate) headers: Vec<(String, String)>,
}

impl Element {
    /// Reads a document whose root is `<Response>`; gives that.
    pub(crate) fn response(xml: &str) -> Self {
        let mut reader = Reader::from_str(xml);
        let mut open = vec![Self::default()];
        loop {
            match reader
                .read_event()
                .unwrap_or_else(|error| panic!("no XML: {error}: {xml}"))
            {
                Event::Start(tag) => open.push(Self::begin(&tag)),
                Event::Empty(tag) => last(&mut open).children.push(Self::begin(&tag)),
                Event::End(_) => {
                    let done = open.pop().expect("an open element");
                    last(&mut open).children.push(done);
                }
                Event::Text(text) => last(&mut open).text += &text.decode().expect("UTF-8"),
                Event::GeneralRef(entity) => {
                    let entity = format!("&{};", entity.decode().expect("UTF-8"));
                    let text = quick_xml::escape::unescape(&entity).expect("an entity of XML");
                    last(&mut open).text += &text;
                }
                Event::Decl(_) => {}
                Event::Eof => break,
                other
                @ (Event::CData(_) | Event::Comment(_) | Event::PI(_) | Event::DocType(_)) => {
                    panic!("Twilio would not read {other:?} in {xml}")
                }
            }
        }
        let document = open.pop().expect("a document");
        assert!(open.is_empty() && document.children.len() == 1, "{xml}");
        let root = document.children.into_iter().next().expect("a root");
        assert_eq!(root.name, "Response", "{xml}");
        root
    }

    fn begin(tag: &BytesStart<'_>) -> Self {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("UTF-8");
        let attributes = tag.attributes().map(|attribute| {
            let attribute = attribute.expect("an attribute");
            let value = attribute
                .normalized_value(XmlVersion::Implicit1_0)
                .expect("its value");
            (text(attribute.key.as_ref()), value.into_owned())
        });
        Self {
            name: text(tag.name().as_ref()),
            attributes: attributes.collect(),
            ..Self::default()
        }
    }

    /// The names of the verbs in it, in order.
    pub(crate) fn verbs(&self) -> Vec<&str> {
        self.children
            .iter()
            .map(|child| child.name.as_str())
            .collect()
    }

    /// The first element of this name in it.
    pub(crate) fn child(&self, name: &str) -> &Self {
        let child = self.children.iter().find(|child| child.name == name);
        child.unwrap_or_else(|| panic!("no <{name}> in {self:?}"))
    }

    pub(crate) fn attribute(&self, name: &str) -> &str {
        self.attributes
            .get(name)
            .unwrap_or_else(|| panic!("no {name} in {self:?}"))
    }

    /// The call that this `<Sip>` asks for: `sip:USER@HOST:PORT;transport=NAME?Header=value&...`.
    pub(crate) fn sip_call(&self) -> SipCall {
        assert_eq!(self.name, "Sip");
        let (uri, headers) = self.text.split_once('?').expect("headers");
        assert!(
            uri.len() < 255 && headers.len() < 1024,
            "too long for Twilio: {}",
            self.text
        );
        let (address, parameters) = uri.split_once(';').expect("parameters");
        let (_, target) = address.split_once('@').expect("a user");
        let transport = parameters.strip_prefix("transport=").expect("a transport");
        SipCall {
            uri: uri.to_owned(),
            target: target.to_owned(),
            transport: transport.to_owned(),
            headers: form_urlencoded::parse(headers.as_bytes())
                .into_owned()
                .collect(),
        }
    }
}

fn last(open: &mut [Element]) -> &mut Element {
    open.last_mut().expect("more ends than beginnings")
}
