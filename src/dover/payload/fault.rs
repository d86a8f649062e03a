//! What is wrong with a payload, told all at once.

use serde::{Deserialize, Serialize};

/// How many faults we report. A broken payload repeats itself, and the answer should not outgrow the question.
const MAX_FAULTS: usize = 100;

/// How long a pointer may become, in bytes; keys come from outside.
const MAX_POINTER_BYTES: usize = 1_000;

/// One thing that is wrong with a payload. Holds no NUL, so that it can be stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Fault {
    /// Where, as a JSON Pointer (RFC 6901); empty for the document as a whole.
    pub pointer: String,
    /// What was expected and what was found.
    pub detail: String,
}

impl Fault {
    /// A fault at `pointer`.
    pub fn new(pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        Self {
            pointer: storable(pointer.into()),
            detail: storable(detail.into()),
        }
    }
}

/// Puts the sign for NUL in the place of NUL.
fn storable(text: String) -> String {
    if text.contains('\0') {
        text.replace('\0', "\u{2400}")
    } else {
        text
    }
}

/// Collects faults.
#[derive(Debug, Default)]
pub(super) struct Faults {
    found: Vec<Fault>,
    left_out: usize,
}

impl Faults {
    /// Adds a fault, once: fields that share an ancestor of the wrong type all find the same one.
    pub(super) fn add(&mut self, fault: Fault) {
        if self.found.contains(&fault) {
            return;
        }
        if self.found.len() < MAX_FAULTS {
            self.found.push(fault);
        } else {
            self.left_out += 1;
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// How many there are, those left out too.
    pub(super) fn count(&self) -> usize {
        self.found.len() + self.left_out
    }

    /// Whether more of the same would be left out.
    pub(super) fn is_full(&self) -> bool {
        self.left_out > 0
    }

    pub(super) fn into_vec(mut self) -> Vec<Fault> {
        if self.left_out > 0 {
            self.found
                .push(Fault::new("", "there are further faults, left out here"));
        }
        self.found
    }
}

/// A place in a document on the way down, kept on the stack so that the way costs nothing until it is asked for.
#[derive(Clone, Copy)]
pub(super) enum Trail<'a> {
    /// The document.
    Root,
    /// A value in an object.
    Key(&'a Self, &'a str),
    /// A value in an array.
    Index(&'a Self, usize),
}

impl Trail<'_> {
    /// The pointer to this place, or to the deepest place above it whose pointer is not absurdly long.
    pub(super) fn pointer(&self) -> String {
        let mut text = String::new();
        self.write(&mut text);
        text
    }

    /// Whether all of the way fitted.
    fn write(&self, text: &mut String) -> bool {
        let (parent, token) = match self {
            Self::Root => return true,
            Self::Key(parent, key) => (parent, escape(key)),
            Self::Index(parent, index) => (parent, index.to_string()),
        };
        let fits = parent.write(text) && text.len() + token.len() < MAX_POINTER_BYTES;
        if fits {
            text.push('/');
            text.push_str(&token);
        }
        fits
    }
}

/// A key as a token of a pointer.
pub(super) fn escape(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}
