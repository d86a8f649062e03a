//! Walks a document by the paths of its connection and gathers every fault on the way.

use chrono::{DateTime, Utc};

use super::{
    Field, PayloadPaths,
    document::{Node, kind_of},
    fault::{Fault, Faults},
    pointer::Found,
    values,
};

/// Reads fields out of one document. A field at fault reads as absent and leaves its fault behind.
pub(super) struct Reader<'v, 'p> {
    document: &'v Node<'v>,
    paths: &'p PayloadPaths,
    pub(super) faults: Faults,
}

impl<'v, 'p> Reader<'v, 'p> {
    pub(super) fn new(document: &'v Node<'v>, paths: &'p PayloadPaths) -> Self {
        Self {
            document,
            paths,
            faults: Faults::default(),
        }
    }

    /// Where `field` is looked for.
    pub(super) fn pointer(&self, field: Field) -> &'p str {
        self.paths.pointer(field).as_str()
    }

    /// Notes a fault at `field`.
    pub(super) fn fault(&mut self, field: Field, detail: impl Into<String>) {
        self.faults.add(Fault::new(self.pointer(field), detail));
    }

    /// The value of `field`. Null counts as absent.
    pub(super) fn value(&mut self, field: Field) -> Option<&'v Node<'v>> {
        self.find(field).unwrap_or_default()
    }

    /// As [`value`](Self::value), `Err` when it is a fault noted here that there is none.
    fn find(&mut self, field: Field) -> Result<Option<&'v Node<'v>>, ()> {
        let pointer = self.paths.pointer(field);
        match pointer.find(self.document) {
            Found::Value(value) => Ok(Some(value)),
            Found::Nothing => Ok(None),
            Found::Blocked { value, depth } => {
                let detail = format!("expected an object, found {}", kind_of(value));
                self.faults.add(Fault::new(pointer.prefix(depth), detail));
                Err(())
            }
        }
    }

    /// What `read` makes of `field`, which may be absent.
    fn optional<T>(
        &mut self,
        field: Field,
        read: impl FnOnce(&'v Node<'v>) -> Result<T, String>,
    ) -> Option<T> {
        let value = self.value(field)?;
        read(value).map_err(|detail| self.fault(field, detail)).ok()
    }

    /// What `read` makes of `field`, which must be there.
    fn required<T>(
        &mut self,
        field: Field,
        expected: &str,
        read: impl FnOnce(&'v Node<'v>) -> Result<T, String>,
    ) -> Option<T> {
        match self.find(field) {
            Ok(Some(value)) => read(value).map_err(|detail| self.fault(field, detail)).ok(),
            Ok(None) => {
                self.fault(field, format!("is required: expected {expected}"));
                None
            }
            Err(()) => None,
        }
    }

    /// A required string that names something.
    pub(super) fn name(&mut self, field: Field, limit: usize) -> Option<&'v str> {
        self.required(field, "a non-empty string", |value| {
            values::name(value, limit)
        })
    }

    /// An optional string.
    pub(super) fn text(&mut self, field: Field, limit: usize) -> Option<&'v str> {
        self.optional(field, |value| values::text(value, limit))
            .flatten()
    }

    /// An optional string of its own.
    pub(super) fn owned_text(&mut self, field: Field, limit: usize) -> Option<String> {
        self.text(field, limit).map(str::to_owned)
    }

    /// An optional e-mail address.
    pub(super) fn email(&mut self, field: Field) -> Option<&'v str> {
        self.optional(field, values::email)
    }

    /// An optional moment.
    pub(super) fn moment(&mut self, field: Field) -> Option<DateTime<Utc>> {
        self.optional(field, values::moment)
    }

    /// A required moment.
    pub(super) fn required_moment(&mut self, field: Field) -> Option<DateTime<Utc>> {
        self.required(field, values::MOMENT, values::moment)
    }
}
