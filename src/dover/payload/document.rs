//! Bytes to a document that can be stored. It borrows from the bytes what it can: each delivery is read as it comes, and
//! copying its texts cost more than all the rest of reading them.

use std::{borrow::Cow, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, SeqAccess, Visitor},
};
use serde_json::{Map, Number, Value, error::Category};

use super::fault::{Fault, Faults, Trail};

/// A value of a document.
#[derive(PartialEq, Eq)]
pub(super) enum Node<'b> {
    Null,
    Boolean(bool),
    Number(Number),
    Text(Cow<'b, str>),
    List(Vec<Self>),
    Object(Object<'b>),
}

/// The keys and values of an object, in the order in which they came.
#[derive(PartialEq, Eq)]
pub(super) struct Object<'b>(Vec<(Cow<'b, str>, Node<'b>)>);

impl<'b> Object<'b> {
    /// Of a key that occurs twice the last value counts.
    pub(super) fn get(&self, key: &str) -> Option<&Node<'b>> {
        let found = self.0.iter().rev().find(|(name, _)| name == key);
        found.map(|(_, value)| value)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &Node<'b>)> {
        self.0.iter().map(|(key, value)| (&**key, value))
    }

    pub(super) const fn len(&self) -> usize {
        self.0.len()
    }

    /// The same, to be kept.
    pub(super) fn to_map(&self) -> Map<String, Value> {
        let entries = self.iter();
        entries
            .map(|(key, value)| (key.to_owned(), value.to_value()))
            .collect()
    }
}

impl Node<'_> {
    /// The same, to be kept.
    pub(super) fn to_value(&self) -> Value {
        match self {
            Self::Null => Value::Null,
            Self::Boolean(value) => Value::Bool(*value),
            Self::Number(value) => Value::Number(value.clone()),
            Self::Text(text) => Value::String(text.clone().into_owned()),
            Self::List(items) => Value::Array(items.iter().map(Node::to_value).collect()),
            Self::Object(object) => Value::Object(object.to_map()),
        }
    }
}

/// A key: a text that borrows where nothing is escaped in it.
struct Key<'b>(Cow<'b, str>);

impl<'de> Deserialize<'de> for Key<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match deserializer.deserialize_str(AnyNode)? {
            Node::Text(text) => Ok(Self(text)),
            _ => Err(serde::de::Error::custom("a key that is no text")),
        }
    }
}

impl<'de> Deserialize<'de> for Node<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyNode)
    }
}

struct AnyNode;

impl<'de> Visitor<'de> for AnyNode {
    type Value = Node<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON value")
    }

    fn visit_unit<E>(self) -> Result<Node<'de>, E> {
        Ok(Node::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Node<'de>, E> {
        Ok(Node::Boolean(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Node<'de>, E> {
        Ok(Node::Number(value.into()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Node<'de>, E> {
        Ok(Node::Number(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Node<'de>, E> {
        Ok(Number::from_f64(value).map_or(Node::Null, Node::Number))
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Node<'de>, E> {
        Ok(Node::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Node<'de>, E> {
        Ok(Node::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Node<'de>, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Node::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Node<'de>, A::Error> {
        let mut object = Vec::new();
        while let Some((Key(key), value)) = entries.next_entry()? {
            if object.is_empty() {
                // No object of a usual delivery has more.
                object.reserve(12);
            }
            object.push((key, value));
        }
        Ok(Node::Object(Object(object)))
    }
}

/// Reads `body` as a JSON object.
pub(super) fn parse(body: &[u8]) -> Result<Node<'_>, Fault> {
    // Whether it is UTF-8 is looked at once as a whole, and not text by text: that took a seventh of reading it.
    let document = match std::str::from_utf8(body) {
        Ok(text) => serde_json::from_str(text),
        // Tells where.
        Err(_) => serde_json::from_slice(body),
    };
    match document {
        Ok(document @ Node::Object(_)) => Ok(document),
        Ok(other) => {
            let found = kind_of(&other);
            Err(Fault::new("", format!("expected an object, found {found}")))
        }
        Err(error) => Err(Fault::new("", explain(body, &error))),
    }
}

/// What keeps `body` from being JSON, in words.
fn explain(body: &[u8], error: &serde_json::Error) -> String {
    if body.trim_ascii().is_empty() {
        return "expected a JSON object, found an empty body".to_owned();
    }
    let place = format!("line {}, column {}", error.line(), error.column());
    let problem = error.to_string();
    // The parser ends its sentence with the place; ours begins with it.
    let problem = problem.split(" at line ").next().unwrap_or_default();
    let hint = if problem.contains("hex escape") {
        ". Half of a surrogate pair is no character: write both halves, or the character itself"
    } else if error.classify() == Category::Eof {
        ". The body seems to be cut short"
    } else {
        ""
    };
    format!("not JSON at {place}: {problem}{hint}")
}

/// What a value is, for a sentence.
pub(super) const fn kind_of(value: &Node<'_>) -> &'static str {
    match value {
        Node::Null => "null",
        Node::Boolean(_) => "a boolean",
        Node::Number(_) => "a number",
        Node::Text(_) => "a string",
        Node::List(_) => "an array",
        Node::Object(_) => "an object",
    }
}

/// Finds every NUL character: JSON can say it and the database cannot hold it. Looks everywhere, for unknown fields
/// are kept too.
pub(super) fn refuse_nul(document: &Node<'_>, faults: &mut Faults) {
    search(document, Trail::Root, faults);
}

/// JSON can say it only escaped, and whatever is escaped was copied.
#[expect(clippy::ptr_arg, reason = "whether it was copied is what counts")]
fn holds_nul(text: &Cow<'_, str>) -> bool {
    matches!(text, Cow::Owned(text) if text.contains('\0'))
}

fn search(value: &Node<'_>, trail: Trail<'_>, faults: &mut Faults) {
    match value {
        Node::Text(text) if holds_nul(text) => faults.add(Fault::new(
            trail.pointer(),
            "holds the NUL character \\u0000, which cannot be stored",
        )),
        Node::List(items) => {
            for (index, item) in items.iter().enumerate() {
                search(item, Trail::Index(&trail, index), faults);
                if faults.is_full() {
                    return;
                }
            }
        }
        Node::Object(object) => {
            for (key, item) in &object.0 {
                let trail = Trail::Key(&trail, key);
                if holds_nul(key) {
                    faults.add(Fault::new(
                        trail.pointer(),
                        "the key holds the NUL character \\u0000 (shown as \u{2400}), which cannot be stored",
                    ));
                }
                search(item, trail, faults);
                if faults.is_full() {
                    return;
                }
            }
        }
        _ => {}
    }
}
