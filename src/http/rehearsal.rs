//! The query of what can be shown before it is done: `?preview=true`.

use super::fields::{Fields, Readable};

/// Whether only to show what it would come to.
#[derive(Clone, Copy, Debug)]
pub struct OnlyPreview(pub bool);

impl Readable for OnlyPreview {
    const FIELDS: &'static [&'static str] = &["preview"];

    fn read(fields: &mut Fields) -> Option<Self> {
        Some(Self(fields.flag("preview").unwrap_or_default()))
    }
}
