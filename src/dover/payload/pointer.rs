//! JSON Pointers, and following them.

use super::document::Node;

/// How long a pointer of a field map may be, in bytes.
const MAX_POINTER_BYTES: usize = 500;

/// A JSON Pointer (RFC 6901), read once so that following it costs no allocation.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Pointer {
    text: String,
    tokens: Vec<String>,
}

/// Where following a pointer ended.
pub(super) enum Found<'v, 'b> {
    /// At a value.
    Value(&'v Node<'b>),
    /// Nowhere: some step of the way is absent or null.
    Nothing,
    /// At a value that holds no others, before the way was over.
    Blocked {
        /// That value.
        value: &'v Node<'b>,
        /// How many steps lead to it.
        depth: usize,
    },
}

impl Pointer {
    pub(super) fn parse(text: &str) -> Result<Self, &'static str> {
        let Some(tokens) = text.strip_prefix('/') else {
            return Err("it starts with a slash, as in /data/candidate/id");
        };
        if text.len() > MAX_POINTER_BYTES {
            return Err("at most 500 bytes are taken");
        }
        if text.contains('\0') {
            return Err("it holds a NUL character");
        }
        let tokens = tokens.split('/').map(unescape).collect::<Option<_>>();
        Ok(Self {
            text: text.to_owned(),
            tokens: tokens.ok_or("~ stands only in ~0 for itself and in ~1 for a slash")?,
        })
    }

    pub(super) fn as_str(&self) -> &str {
        &self.text
    }

    /// The pointer to the place `depth` steps down.
    pub(super) fn prefix(&self, depth: usize) -> &str {
        let end = self.text.match_indices('/').nth(depth);
        end.map_or(&self.text, |(end, _)| &self.text[..end])
    }

    /// Follows the pointer into `document`.
    pub(super) fn find<'v, 'b>(&self, document: &'v Node<'b>) -> Found<'v, 'b> {
        let mut value = document;
        for (depth, token) in self.tokens.iter().enumerate() {
            let next = match value {
                Node::Object(object) => object.get(token),
                Node::List(array) if is_index(token) => {
                    token.parse().ok().and_then(|index: usize| array.get(index))
                }
                Node::Null => None,
                _ => return Found::Blocked { value, depth },
            };
            match next {
                Some(next) => value = next,
                None => return Found::Nothing,
            }
        }
        match value {
            Node::Null => Found::Nothing,
            value => Found::Value(value),
        }
    }
}

/// A token without its escapes; `None` for a tilde that escapes nothing.
fn unescape(token: &str) -> Option<String> {
    let mut rest = token.split('~');
    let mut text = rest.next()?.to_owned();
    for part in rest {
        let (escaped, part) = match part.strip_prefix('0') {
            Some(part) => ('~', part),
            None => ('/', part.strip_prefix('1')?),
        };
        text.push(escaped);
        text.push_str(part);
    }
    Some(text)
}

/// Whether a token counts elements: digits, without leading zeros (RFC 6901, 4).
fn is_index(token: &str) -> bool {
    let digits = !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_digit());
    digits && (token == "0" || !token.starts_with('0'))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::dover::payload::document::parse;

    #[test]
    fn a_pointer_is_followed_as_the_standard_says() {
        let document = json!({"a/b": {"~": [10, {"": 20}]}, "n": null, "01": [5]}).to_string();
        let document = parse(document.as_bytes()).unwrap();
        for (pointer, expected) in [
            ("/a~1b/~0/0", Some(json!(10))),
            ("/a~1b/~0/1/", Some(json!(20))),
            ("/a~1b/~0/2", None),
            ("/01/0", Some(json!(5))),
            ("/n", None),
            ("/n/below", None),
            ("/absent/below", None),
        ] {
            let found = match Pointer::parse(pointer).unwrap().find(&document) {
                Found::Value(value) => Some(value.to_value()),
                Found::Nothing => None,
                Found::Blocked { .. } => panic!("{pointer} is blocked"),
            };
            assert_eq!(found, expected, "{pointer}");
        }
    }

    #[test]
    fn a_pointer_through_a_value_without_parts_says_where_it_ends() {
        let document = parse(br#"{"a": {"b": "text"}, "list": [1]}"#).unwrap();
        for (pointer, at) in [
            ("/a/b/c/d", "/a/b"),
            ("/list/00", "/list"),
            ("/list/-", "/list"),
        ] {
            let pointer = Pointer::parse(pointer).unwrap();
            let Found::Blocked { depth, .. } = pointer.find(&document) else {
                panic!("{} is not blocked", pointer.as_str());
            };
            assert_eq!(pointer.prefix(depth), at);
        }
    }
}
