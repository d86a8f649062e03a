//! Rule 5, half of it: what makes two records the same person. E-mail addresses are compared trimmed and case-folded,
//! LinkedIn profiles by the slug of their address.

use std::fmt;

use percent_encoding::percent_decode_str;
use sha2::{Digest, Sha256};
use url::Url;

use super::says::Contact;

/// One thing that identifies a person.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum IdentityKey {
    /// An e-mail address in its comparable form.
    Email(String),
    /// The slug of a LinkedIn profile: `ada-lovelace` of `linkedin.com/in/ada-lovelace`.
    LinkedIn(String),
}

impl IdentityKey {
    /// What kind of key it is, in a word, and which.
    pub fn parts(&self) -> (&'static str, &str) {
        match self {
            Self::Email(address) => ("email", address),
            Self::LinkedIn(slug) => ("linkedin", slug),
        }
    }

    /// The SHA-256 by which somebody who does not want to tell the address may ask about it: of the address in its
    /// comparable form, or of `linkedin.com/in/` and the slug.
    pub fn digest(&self) -> [u8; 32] {
        let text = match self {
            Self::Email(address) => address.clone(),
            Self::LinkedIn(slug) => format!("linkedin.com/in/{slug}"),
        };
        Sha256::digest(text.as_bytes()).into()
    }

    /// An e-mail address as a key; `None` for an empty one.
    pub fn email(address: &str) -> Option<Self> {
        let address = address.trim().to_lowercase();
        (!address.is_empty()).then_some(Self::Email(address))
    }

    /// A LinkedIn profile as a key; `None` for an address that names no profile.
    pub fn linkedin(address: &str) -> Option<Self> {
        linkedin_slug(address).map(Self::LinkedIn)
    }
}

impl fmt::Debug for IdentityKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Email(_) => "Email(redacted)",
            Self::LinkedIn(_) => "LinkedIn(redacted)",
        })
    }
}

/// Every key of a contact: all of its e-mail addresses, and its LinkedIn profile.
pub fn keys(contact: &Contact) -> Vec<IdentityKey> {
    let primary = contact.email.iter().map(|said| &said.value);
    let others = contact.alternate_emails.iter().flat_map(|said| &said.value);
    let mut keys: Vec<_> = primary
        .chain(others)
        .filter_map(|address| IdentityKey::email(address))
        .collect();
    keys.extend(
        contact
            .linkedin_url
            .as_ref()
            .and_then(|said| IdentityKey::linkedin(&said.value)),
    );
    keys.sort();
    keys.dedup();
    keys
}

/// The slug of a LinkedIn profile, whatever the shape of its address: any country host, with or without scheme,
/// trailing slash, language suffix or tracking parameters, or the bare path `/in/x`.
pub fn linkedin_slug(address: &str) -> Option<String> {
    let address = address.trim();
    plain_slug(address).or_else(|| any_slug(address))
}

/// The slug of an address in the shape that nearly all have: to take one apart by the rules for any takes longer than to
/// hash it.
fn plain_slug(address: &str) -> Option<String> {
    let slug = address.strip_prefix("https://www.linkedin.com/in/")?;
    let slug = slug.strip_suffix('/').unwrap_or(slug);
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    (!slug.is_empty() && slug.bytes().all(is_plain)).then(|| slug.to_ascii_lowercase())
}

fn any_slug(address: &str) -> Option<String> {
    let absolute = if address.starts_with('/') {
        format!("https://www.linkedin.com{address}")
    } else if address.contains("://") {
        address.to_owned()
    } else {
        format!("https://{address}")
    };
    let url = Url::parse(&absolute).ok()?;
    let host = url.host_str()?;
    if host != "linkedin.com" && !host.ends_with(".linkedin.com") {
        return None;
    }
    let mut path = url.path_segments()?.filter(|segment| !segment.is_empty());
    let kind = path.next()?;
    let slug = if kind.eq_ignore_ascii_case("in") {
        path.next()?
    } else {
        return None;
    };
    // LinkedIn writes the same slug with and without percent-encoding.
    let slug = percent_decode_str(slug).decode_utf8_lossy().to_lowercase();
    (!slug.is_empty()).then_some(slug)
}

/// The address of the profile that `slug` names, in the one form that we write.
pub fn linkedin_address(slug: &str) -> String {
    let mut url = Url::parse("https://www.linkedin.com/in/").expect("a literal address parses");
    if let Ok(mut path) = url.path_segments_mut() {
        path.pop_if_empty().push(slug);
    }
    url.into()
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use proptest::prelude::*;

    use super::*;
    use crate::plan::says::{Dated, Stamp};

    #[test]
    fn a_person_is_known_by_every_address_and_the_profile_whatever_their_case() {
        let stamp = Stamp::new(DateTime::UNIX_EPOCH, DateTime::UNIX_EPOCH, 1);
        let others = [" ADA@example.com", "", "Ada@Work.example"].map(str::to_owned);
        let contact = Contact {
            email: Some(Dated::new("ada@Example.com ".to_owned(), stamp)),
            alternate_emails: Some(Dated::new(others.to_vec(), stamp)),
            linkedin_url: Some(Dated::new("linkedin.com/in/Ada/".to_owned(), stamp)),
            ..Contact::default()
        };
        let keys = keys(&contact);
        let keys: Vec<_> = keys.iter().map(IdentityKey::parts).collect();
        assert_eq!(
            keys,
            [
                ("email", "ada@example.com"),
                ("email", "ada@work.example"),
                ("linkedin", "ada")
            ]
        );
    }

    #[test]
    fn nothing_of_a_person_shows_in_debug_output() {
        let key = IdentityKey::email("ada@example.com");
        assert_eq!(format!("{key:?}"), "Some(Email(redacted))");
    }

    proptest! {
        #[test]
        fn the_short_way_to_a_slug_leads_to_the_same(
            host in "https://(www[.]|www[.]|www[.]|uk[.]|)linkedin[.]com/in/",
            path in "([A-Za-z0-9-]|%[0-9A-F]{2}|[.]{1,2}|[_/?#é ]){0,3}/?",
        ) {
            let address = format!("{host}{path}");
            let slug = plain_slug(&address);
            prop_assert!(slug.is_none() || slug == any_slug(&address), "{address}: {slug:?}");
        }
    }

    #[test]
    fn every_shape_of_a_profile_address_has_the_same_slug() {
        let usual = "https://www.linkedin.com/in/Ada-Lovelace/";
        assert_eq!(plain_slug(usual).as_deref(), Some("ada-lovelace"));
        for address in [
            "https://www.linkedin.com/in/ada-lovelace/",
            "http://linkedin.com/in/ada-lovelace",
            "linkedin.com/in/ada-lovelace?trk=public",
            "https://uk.linkedin.com/in/Ada-Lovelace/en?originalSubdomain=uk",
            "/in/ada-lovelace/",
            "  https://de.linkedin.com/in/ada%2Dlovelace#about ",
        ] {
            assert_eq!(
                linkedin_slug(address).as_deref(),
                Some("ada-lovelace"),
                "{address}"
            );
        }
    }

    #[test]
    fn an_address_that_names_no_profile_has_no_slug() {
        for address in [
            "",
            "https://www.linkedin.com/company/dover",
            "https://notlinkedin.com/in/ada",
            "in",
            "https://",
        ] {
            assert_eq!(linkedin_slug(address), None, "{address}");
        }
    }

    #[test]
    fn a_profile_is_written_in_one_form() {
        assert_eq!(
            linkedin_address("rené"),
            "https://www.linkedin.com/in/ren%C3%A9"
        );
        assert_eq!(
            linkedin_slug(&linkedin_address("rené")).as_deref(),
            Some("rené")
        );
    }
}
