//! How the fold of a prospect is kept: as text, with each moment once. Nearly all that is said of somebody was said in one
//! delivery, so that to write its moment at every statement would be most of the text.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sqlx::{Decode, Postgres, Type, error::BoxDynError, postgres::PgValueRef};

use crate::plan::says::{Contact, Dated, DoverSays, Location, SaidStage, Stamp, Status, Word};

/// What a text begins with that was written here. Others are of a release that wrote each moment at its statement.
const BEGINNING: &str = r#"{"stamps":"#;

/// What is kept of whom nothing is said.
#[cfg(test)]
const NOTHING: &str = r#"{"stamps":[]}"#;

/// A fold, as the column `says` of a prospect has it.
#[derive(Debug)]
pub(super) struct Kept(pub(super) DoverSays);

impl Type<Postgres> for Kept {
    fn type_info() -> sqlx::postgres::PgTypeInfo {
        <str as Type<Postgres>>::type_info()
    }
}

impl<'r> Decode<'r, Postgres> for Kept {
    fn decode(value: PgValueRef<'r>) -> Result<Self, BoxDynError> {
        Ok(Self(read(<&str as Decode<Postgres>>::decode(value)?)?))
    }
}

fn read(text: &str) -> serde_json::Result<DoverSays> {
    if text.starts_with(BEGINNING) {
        Ok(serde_json::from_str::<Read>(text)?.dated())
    } else {
        serde_json::from_str(text)
    }
}

/// The text that is kept of a fold.
pub(super) fn written(says: &DoverSays) -> String {
    serde_json::to_string(&Written::of(says)).expect("texts under texts serialize")
}

/// The moments of what is said, each once.
#[derive(Default)]
struct Stamps(Vec<Stamp>);

impl Stamps {
    /// The value, and where its moment stands.
    fn note<'a, T>(&mut self, said: Option<&'a Dated<T>>) -> Option<(&'a T, usize)> {
        let said = said?;
        let known = self.0.iter().position(|stamp| *stamp == said.stamp);
        let place = known.unwrap_or_else(|| {
            self.0.push(said.stamp);
            self.0.len() - 1
        });
        Some((&said.value, place))
    }
}

macro_rules! statements {
    ($($name:ident: $type:ty = $($place:ident).+,)+) => {
        #[derive(Serialize)]
        struct Written<'a> {
            stamps: Vec<Stamp>,
            $(#[serde(skip_serializing_if = "Option::is_none")] $name: Option<(&'a $type, usize)>,)+
        }

        impl<'a> Written<'a> {
            fn of(says: &'a DoverSays) -> Self {
                let mut stamps = Stamps::default();
                $(let $name = stamps.note(says.$($place).+.as_ref());)+
                Self { stamps: stamps.0, $($name,)+ }
            }
        }

        #[derive(Deserialize)]
        struct Read {
            stamps: Vec<Stamp>,
            $(#[serde(default)] $name: Option<($type, usize)>,)+
        }

        impl Read {
            /// A statement whose moment is missing was not written here, and counts as not made.
            fn dated(self) -> DoverSays {
                let mut says = DoverSays { stage: None, status: None, contact: Contact::default() };
                let stamps = self.stamps;
                $(says.$($place).+ = self.$name.and_then(|(value, at)| Some(Dated::new(value, *stamps.get(at)?)));)+
                says
            }
        }
    };
}

statements! {
    stage: SaidStage = stage,
    status: Word<Status> = status,
    name: String = contact.name,
    email: String = contact.email,
    alternate_emails: Vec<String> = contact.alternate_emails,
    phone: String = contact.phone,
    linkedin_url: String = contact.linkedin_url,
    social_urls: BTreeMap<String, String> = contact.social_urls,
    title: String = contact.title,
    company: String = contact.company,
    location: Location = contact.location,
    fields: serde_json::Map<String, serde_json::Value> = contact.fields,
    owner_email: String = contact.owner_email,
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, TimeDelta};

    use super::*;
    use crate::dover::payload::{self, Document, PayloadPaths};

    /// What the example says, with its name said a day later.
    fn said() -> DoverSays {
        let body = serde_json::to_vec(&payload::example()).unwrap();
        let document = Document::of(&body);
        let delivery = document.read(&PayloadPaths::default()).unwrap();
        let received = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let mut says = delivery.says(received, 7);
        let later = Stamp::new(received + TimeDelta::days(1), received, 8);
        says.contact.name = Some(Dated::new("Ada King".to_owned(), later));
        says
    }

    #[test]
    fn a_fold_is_read_as_it_was_written() {
        let says = said();
        let text = written(&says);
        assert_eq!(read(&text).unwrap(), says);
        assert_eq!(text.matches("\"arrival\"").count(), 2, "{text}");
    }

    #[test]
    fn what_an_earlier_release_wrote_is_read() {
        let says = said();
        assert_eq!(read(&serde_json::to_string(&says).unwrap()).unwrap(), says);
        assert_eq!(read("{}").unwrap(), DoverSays::default());
    }

    #[test]
    fn of_whom_nothing_is_said_that_is_kept() {
        assert_eq!(written(&DoverSays::default()), NOTHING);
        assert_eq!(read(NOTHING).unwrap(), DoverSays::default());
    }
}
