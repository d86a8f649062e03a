//! Who the candidate is, as one delivery has it.

use std::{collections::BTreeMap, fmt};

use serde_json::{Map, Value};

use super::{
    Field,
    document::{Node, Object, kind_of},
    fault::{Fault, escape},
    reader::Reader,
    values,
};
use crate::plan::{
    identity::IdentityKey,
    outline::Statements,
    says::{Contact, Dated, Location, Stamp},
};

/// Length of the longest name, title, company or place, in characters.
pub(super) const MAX_NAME: usize = 500;
/// Length of the longest telephone number, in characters.
const MAX_PHONE: usize = 100;
/// Length of the longest address of a page, in characters.
const MAX_URL: usize = 2_000;
/// How many further e-mail addresses or profiles are taken. Each is looked for in Ashby, at the price of a call.
const MAX_ENTRIES: usize = 100;

/// What one delivery says of the candidate. What it leaves out is `None` and takes nothing away.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Profile {
    /// Full name.
    pub name: Option<String>,
    /// Primary e-mail address, trimmed.
    pub email: Option<String>,
    /// Further e-mail addresses, trimmed.
    pub alternate_emails: Option<Vec<String>>,
    /// Telephone number.
    pub phone: Option<String>,
    /// LinkedIn profile, as it came; `plan::identity` knows its shapes.
    pub linkedin_url: Option<String>,
    /// Other profiles by the name of the site.
    pub social_urls: Option<BTreeMap<String, String>>,
    /// Current job title.
    pub title: Option<String>,
    /// Current employer.
    pub company: Option<String>,
    /// Where they live.
    pub location: Option<Location>,
    /// Whatever else Dover knows, by name.
    pub fields: Option<Map<String, Value>>,
    /// E-mail address of the sourcer.
    pub owner_email: Option<String>,
}

impl fmt::Debug for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Profile(redacted)")
    }
}

impl Profile {
    pub(super) fn read(reader: &mut Reader<'_>) -> Self {
        Self {
            name: reader.owned_text(Field::Name, MAX_NAME),
            email: reader.email(Field::Email),
            alternate_emails: alternate_emails(reader),
            phone: reader.owned_text(Field::Phone, MAX_PHONE),
            linkedin_url: reader.owned_text(Field::LinkedInUrl, MAX_URL),
            social_urls: social_urls(reader),
            title: reader.owned_text(Field::Title, MAX_NAME),
            company: reader.owned_text(Field::Company, MAX_NAME),
            location: location(reader),
            fields: object(reader, Field::Fields).map(Object::to_map),
            owner_email: reader.email(Field::OwnerEmail),
        }
    }

    /// What identifies the person.
    pub fn keys(&self) -> Vec<IdentityKey> {
        let others = self.alternate_emails.iter().flatten();
        let addresses = self.email.iter().chain(others);
        let keys = addresses.filter_map(|address| IdentityKey::email(address));
        let profile = self.linkedin_url.iter();
        let profile = profile.filter_map(|address| IdentityKey::linkedin(address));
        keys.chain(profile).collect()
    }

    /// What it says something of, beside whether stage and status are said.
    pub(super) fn statements(&self, stage: bool, status: bool) -> Statements {
        Statements::of([
            stage,
            status,
            self.name.is_some(),
            self.email.is_some(),
            self.alternate_emails.is_some(),
            self.phone.is_some(),
            self.linkedin_url.is_some(),
            self.social_urls.is_some(),
            self.title.is_some(),
            self.company.is_some(),
            self.location.is_some(),
            self.fields.is_some(),
            self.owner_email.is_some(),
        ])
    }

    /// The same, each statement dated.
    pub(super) fn contact(&self, stamp: Stamp) -> Contact {
        Contact {
            name: dated(self.name.as_ref(), stamp),
            email: dated(self.email.as_ref(), stamp),
            alternate_emails: dated(self.alternate_emails.as_ref(), stamp),
            phone: dated(self.phone.as_ref(), stamp),
            linkedin_url: dated(self.linkedin_url.as_ref(), stamp),
            social_urls: dated(self.social_urls.as_ref(), stamp),
            title: dated(self.title.as_ref(), stamp),
            company: dated(self.company.as_ref(), stamp),
            location: dated(self.location.as_ref(), stamp),
            fields: dated(self.fields.as_ref(), stamp),
            owner_email: dated(self.owner_email.as_ref(), stamp),
        }
    }
}

fn dated<T: Clone>(value: Option<&T>, stamp: Stamp) -> Option<Dated<T>> {
    value.cloned().map(|value| Dated::new(value, stamp))
}

fn location(reader: &mut Reader<'_>) -> Option<Location> {
    let location = Location {
        city: reader.owned_text(Field::City, MAX_NAME),
        region: reader.owned_text(Field::Region, MAX_NAME),
        country: reader.owned_text(Field::Country, MAX_NAME),
    };
    (location != Location::default()).then_some(location)
}

fn alternate_emails(reader: &mut Reader<'_>) -> Option<Vec<String>> {
    let field = Field::AlternateEmails;
    let value = reader.value(field)?;
    let Node::List(items) = value else {
        let found = kind_of(value);
        reader.fault(
            field,
            format!("expected an array of e-mail addresses, found {found}"),
        );
        return None;
    };
    few_enough(reader, field, items.len())?;
    let mut addresses = Vec::with_capacity(items.len());
    for (index, item) in items.iter().enumerate() {
        match values::email(item) {
            Ok(address) => addresses.push(address.to_owned()),
            Err(detail) => {
                let pointer = format!("{}/{index}", reader.pointer(field));
                reader.faults.add(Fault::new(pointer, detail));
            }
        }
    }
    Some(addresses)
}

fn social_urls(reader: &mut Reader<'_>) -> Option<BTreeMap<String, String>> {
    let field = Field::SocialUrls;
    let object = object(reader, field)?;
    few_enough(reader, field, object.len())?;
    let mut urls = BTreeMap::new();
    for (site, value) in object
        .iter()
        .filter(|(_, value)| !matches!(value, Node::Null))
    {
        match values::text(value, MAX_URL) {
            Ok(Some(url)) => {
                urls.insert(site.to_owned(), url.to_owned());
            }
            Ok(None) => {}
            Err(detail) => {
                let pointer = format!("{}/{}", reader.pointer(field), escape(site));
                reader.faults.add(Fault::new(pointer, detail));
            }
        }
    }
    Some(urls)
}

fn object<'v>(reader: &mut Reader<'v>, field: Field) -> Option<&'v Object<'v>> {
    let value = reader.value(field)?;
    if let Node::Object(object) = value {
        return Some(object);
    }
    let found = kind_of(value);
    reader.fault(field, format!("expected an object, found {found}"));
    None
}

fn few_enough(reader: &mut Reader<'_>, field: Field, count: usize) -> Option<()> {
    if count <= MAX_ENTRIES {
        return Some(());
    }
    reader.fault(
        field,
        format!("expected at most {MAX_ENTRIES} entries, found {count}"),
    );
    None
}
