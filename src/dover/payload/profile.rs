//! Who the candidate is, as one delivery has it.

use std::{collections::BTreeMap, fmt};

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
pub struct Profile<'d> {
    /// Full name.
    pub name: Option<&'d str>,
    /// Primary e-mail address, trimmed.
    pub email: Option<&'d str>,
    /// Further e-mail addresses, trimmed.
    pub alternate_emails: Option<Vec<&'d str>>,
    /// Telephone number.
    pub phone: Option<&'d str>,
    /// LinkedIn profile, as it came; `plan::identity` knows its shapes.
    pub linkedin_url: Option<&'d str>,
    /// Other profiles by the name of the site.
    pub social_urls: Option<BTreeMap<&'d str, &'d str>>,
    /// Current job title.
    pub title: Option<&'d str>,
    /// Current employer.
    pub company: Option<&'d str>,
    /// Where they live.
    pub location: Option<Place<'d>>,
    /// E-mail address of the sourcer.
    pub owner_email: Option<&'d str>,
    /// Whatever else Dover knows, by name.
    fields: Option<&'d Object<'d>>,
}

/// Where somebody lives.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct Place<'d> {
    /// City.
    pub city: Option<&'d str>,
    /// State or region.
    pub region: Option<&'d str>,
    /// Country.
    pub country: Option<&'d str>,
}

impl fmt::Debug for Profile<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Profile(redacted)")
    }
}

impl<'d> Profile<'d> {
    pub(super) fn read(reader: &mut Reader<'d, '_>) -> Self {
        Self {
            name: reader.text(Field::Name, MAX_NAME),
            email: reader.email(Field::Email),
            alternate_emails: alternate_emails(reader),
            phone: reader.text(Field::Phone, MAX_PHONE),
            linkedin_url: reader.text(Field::LinkedInUrl, MAX_URL),
            social_urls: social_urls(reader),
            title: reader.text(Field::Title, MAX_NAME),
            company: reader.text(Field::Company, MAX_NAME),
            location: Place::read(reader),
            fields: object(reader, Field::Fields),
            owner_email: reader.email(Field::OwnerEmail),
        }
    }

    /// What identifies the person.
    pub fn keys(&self) -> Vec<IdentityKey> {
        let others = self.alternate_emails.iter().flatten();
        let addresses = self.email.iter().chain(others);
        let keys = addresses.filter_map(|address| IdentityKey::email(address));
        let profile = self.linkedin_url.and_then(IdentityKey::linkedin);
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

    /// The same to be kept, each statement dated.
    pub(super) fn contact(&self, stamp: Stamp) -> Contact {
        let text = |said: Option<&str>| said.map(|text| Dated::new(text.to_owned(), stamp));
        let texts = |said: &Vec<&str>| said.iter().copied().map(str::to_owned).collect();
        let urls = |said: &BTreeMap<&str, &str>| {
            let urls = said.iter();
            urls.map(|(site, url)| (site.to_string(), url.to_string()))
                .collect()
        };
        Contact {
            name: text(self.name),
            email: text(self.email),
            alternate_emails: dated(self.alternate_emails.as_ref().map(texts), stamp),
            phone: text(self.phone),
            linkedin_url: text(self.linkedin_url),
            social_urls: dated(self.social_urls.as_ref().map(urls), stamp),
            title: text(self.title),
            company: text(self.company),
            location: dated(self.location.map(Location::from), stamp),
            fields: dated(self.fields.map(Object::to_map), stamp),
            owner_email: text(self.owner_email),
        }
    }
}

fn dated<T>(value: Option<T>, stamp: Stamp) -> Option<Dated<T>> {
    value.map(|value| Dated::new(value, stamp))
}

impl<'d> Place<'d> {
    fn read(reader: &mut Reader<'d, '_>) -> Option<Self> {
        let place = Self {
            city: reader.text(Field::City, MAX_NAME),
            region: reader.text(Field::Region, MAX_NAME),
            country: reader.text(Field::Country, MAX_NAME),
        };
        (place != Self::default()).then_some(place)
    }
}

impl From<Place<'_>> for Location {
    fn from(place: Place<'_>) -> Self {
        Self {
            city: place.city.map(str::to_owned),
            region: place.region.map(str::to_owned),
            country: place.country.map(str::to_owned),
        }
    }
}

fn alternate_emails<'d>(reader: &mut Reader<'d, '_>) -> Option<Vec<&'d str>> {
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
            Ok(address) => addresses.push(address),
            Err(detail) => {
                let pointer = format!("{}/{index}", reader.pointer(field));
                reader.faults.add(Fault::new(pointer, detail));
            }
        }
    }
    Some(addresses)
}

fn social_urls<'d>(reader: &mut Reader<'d, '_>) -> Option<BTreeMap<&'d str, &'d str>> {
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
                urls.insert(site, url);
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

fn object<'d>(reader: &mut Reader<'d, '_>, field: Field) -> Option<&'d Object<'d>> {
    let value = reader.value(field)?;
    if let Node::Object(object) = value {
        return Some(object);
    }
    let found = kind_of(value);
    reader.fault(field, format!("expected an object, found {found}"));
    None
}

fn few_enough(reader: &mut Reader<'_, '_>, field: Field, count: usize) -> Option<()> {
    if count <= MAX_ENTRIES {
        return Some(());
    }
    reader.fault(
        field,
        format!("expected at most {MAX_ENTRIES} entries, found {count}"),
    );
    None
}
