//! What the columns of a list of people mean, told by the usual spellings of their headers, and the person in a row.

use super::sheet::text;
use crate::{
    plan::identity::{IdentityKey, linkedin_address, linkedin_slug},
    store::exclusion_import::Column,
};

/// How much of a header is kept and shown, in characters.
const SHOWN: usize = 80;
/// The longest name that is kept, in characters.
const MAX_NAME: usize = 300;
/// The longest address of a mailbox (RFC 5321).
const MAX_EMAIL: usize = 254;

/// The most addresses of one person.
const MAX_EMAILS: usize = 50;
/// What an address or a row costs beside its text, in bytes: its hash, and the room that lists of texts take.
const OVERHEAD: usize = 128;

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Name,
    FirstName,
    LastName,
    Email,
    LinkedIn,
    /// Links of all kinds, profiles among them.
    Links,
}

impl Kind {
    const fn word(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::FirstName => "first-name",
            Self::LastName => "last-name",
            Self::Email => "email",
            Self::LinkedIn => "linkedin",
            Self::Links => "links",
        }
    }

    /// Whether somebody can be found by it.
    const fn identifies(self) -> bool {
        matches!(self, Self::Email | Self::LinkedIn | Self::Links)
    }
}

/// Words that make a column with *email* in its header one that holds no address of the candidate's.
const NOT_THE_CANDIDATES: [&str; 17] = [
    "recruiter",
    "owner",
    "credited",
    "manager",
    "coordinator",
    "sourcer",
    "interviewer",
    "referrer",
    "referredby",
    "user",
    "sent",
    "template",
    "subject",
    "status",
    "last",
    "count",
    "opt",
];

/// The columns that are used.
#[derive(Debug)]
pub(super) struct Columns(Vec<(usize, Kind, String)>);

impl Columns {
    /// The columns of a header row; the headers that there are where none of them identifies anybody.
    pub(super) fn of(header: &[&[u8]]) -> Result<Self, Vec<String>> {
        let headers: Vec<String> = header
            .iter()
            .map(|cell| short(&text(cell), SHOWN))
            .collect();
        let known = headers.iter().enumerate();
        let known = known.filter_map(|(at, header)| Some((at, kind(header)?, header.clone())));
        let columns: Vec<_> = known.collect();
        if columns.iter().any(|(_, kind, _)| kind.identifies()) {
            Ok(Self(columns))
        } else {
            Err(headers)
        }
    }

    /// As they are shown.
    pub(super) fn shown(&self) -> Vec<Column> {
        let shown = self.0.iter().map(|(_, kind, header)| Column {
            header: header.clone(),
            taken_as: kind.word().to_owned(),
        });
        shown.collect()
    }

    /// The person in a row, or why there is none. What it says of the person is not repeated.
    pub(super) fn person(&self, cells: &[&[u8]]) -> Result<Person, &'static str> {
        let mut person = Person::default();
        let (mut first, mut last, mut is_broken) = (String::new(), String::new(), false);
        for (at, kind, _) in &self.0 {
            let Some(cell) = cells.get(*at).map(|cell| text(cell)) else {
                continue;
            };
            match kind {
                Kind::Name if person.name.is_empty() => person.name = cell,
                Kind::Name => {}
                Kind::FirstName => first = cell,
                Kind::LastName => last = cell,
                Kind::Email => is_broken |= !person.take_emails(&cell),
                Kind::LinkedIn | Kind::Links => is_broken |= !person.take_profile(&cell, *kind),
            }
        }
        if person.name.is_empty() {
            format!("{first} {last}")
                .trim()
                .clone_into(&mut person.name);
        }
        person.name = short(&person.name, MAX_NAME);
        if person.emails.len() > MAX_EMAILS {
            return Err(
                "it has more than 50 e-mail addresses: write it as several rows, or leave the column out if it is not the candidate's",
            );
        }
        if person.emails.is_empty() && person.slug.is_none() {
            return Err(if is_broken {
                "neither an e-mail address nor a LinkedIn profile in it can be read"
            } else {
                "it has neither an e-mail address nor a LinkedIn profile"
            });
        }
        Ok(person)
    }
}

/// A person in a row: at least one address, or the profile.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Person {
    pub(super) name: String,
    pub(super) emails: Vec<String>,
    slug: Option<String>,
}

impl Person {
    /// The address of the profile, in the one form that we write.
    pub(super) fn linkedin(&self) -> Option<String> {
        self.slug.as_deref().map(linkedin_address)
    }

    /// By what the person is found.
    pub(super) fn keys(&self) -> Vec<IdentityKey> {
        let emails = self
            .emails
            .iter()
            .filter_map(|email| IdentityKey::email(email));
        emails
            .chain(self.slug.clone().map(IdentityKey::LinkedIn))
            .collect()
    }

    /// How much memory the person takes until they are kept, in bytes, by and large.
    pub(super) fn weight(&self) -> usize {
        let texts = self.emails.iter().chain(&self.slug).map(String::len);
        self.name.len() + OVERHEAD + texts.map(|text| text + OVERHEAD).sum::<usize>()
    }

    /// Several addresses may stand in a cell; no more are looked for once there are too many. Answers whether whatever there
    /// is can be read.
    fn take_emails(&mut self, cell: &str) -> bool {
        let is_between = |char: char| char.is_whitespace() || ",;|<>()[]\"".contains(char);
        let mut all_read = true;
        for piece in cell.split(is_between).filter(|piece| piece.contains('@')) {
            if self.emails.len() > MAX_EMAILS {
                break;
            }
            let piece = piece.strip_prefix("mailto:").unwrap_or(piece);
            let piece = piece.trim_matches(['.', '\'', ':']).to_lowercase();
            if !is_address(&piece) {
                all_read = false;
            } else if !self.emails.contains(&piece) {
                self.emails.push(piece);
            }
        }
        all_read && (cell.is_empty() || !self.emails.is_empty())
    }

    fn take_profile(&mut self, cell: &str, kind: Kind) -> bool {
        let is_between = |char: char| char.is_whitespace() || ",;|<>()\"".contains(char);
        let mut pieces = cell.split(is_between).filter(|piece| !piece.is_empty());
        let found = pieces.find_map(linkedin_slug);
        let is_read = found.is_some() || cell.is_empty() || kind == Kind::Links;
        self.slug = self.slug.take().or(found);
        is_read
    }
}

/// Whether a text has the shape of an e-mail address.
fn is_address(text: &str) -> bool {
    let Some((local, host)) = text.split_once('@') else {
        return false;
    };
    let is_host =
        host.contains('.') && !host.contains('@') && host.split('.').all(|label| !label.is_empty());
    !local.is_empty() && is_host && text.len() <= MAX_EMAIL && !text.contains(char::is_control)
}

fn kind(header: &str) -> Option<Kind> {
    let word: String = header
        .chars()
        .filter(|char| char.is_alphanumeric())
        .flat_map(char::to_lowercase)
        .collect();
    let is_any = |words: &[&str]| words.contains(&word.as_str());
    if word.contains("linkedin") {
        return Some(Kind::LinkedIn);
    }
    if word.contains("email") || is_any(&["mail", "mailaddress", "correo", "courriel"]) {
        let is_theirs = !NOT_THE_CANDIDATES.iter().any(|other| word.contains(other));
        return is_theirs.then_some(Kind::Email);
    }
    if is_any(&[
        "name",
        "fullname",
        "candidate",
        "candidatename",
        "candidatefullname",
        "prospectname",
    ]) {
        return Some(Kind::Name);
    }
    if is_any(&["firstname", "candidatefirstname", "givenname", "forename"]) {
        return Some(Kind::FirstName);
    }
    if is_any(&["lastname", "candidatelastname", "familyname", "surname"]) {
        return Some(Kind::LastName);
    }
    let is_links = word.contains("social")
        || is_any(&["links", "urls", "websites", "profileurls", "candidatelinks"]);
    is_links.then_some(Kind::Links)
}

fn short(text: &str, most: usize) -> String {
    text.chars().take(most).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cells<'a>(texts: &[&'a str]) -> Vec<&'a [u8]> {
        texts.iter().map(|text| text.as_bytes()).collect()
    }

    fn person(header: &[&str], row: &[&str]) -> Result<Person, &'static str> {
        Columns::of(&cells(header)).unwrap().person(&cells(row))
    }

    #[test]
    fn headers_are_known_in_their_usual_spellings() {
        for (header, expected) in [
            ("Candidate Email", Some(Kind::Email)),
            ("E-mail", Some(Kind::Email)),
            ("Primary Email Address", Some(Kind::Email)),
            ("Alternate Emails", Some(Kind::Email)),
            ("EMAIL_ADDRESSES", Some(Kind::Email)),
            ("Recruiter Email", None),
            ("Last Email Sent", None),
            ("LinkedIn URL", Some(Kind::LinkedIn)),
            ("Candidate LinkedIn Profile", Some(Kind::LinkedIn)),
            ("Social Links", Some(Kind::Links)),
            ("Candidate Name", Some(Kind::Name)),
            ("full_name", Some(Kind::Name)),
            ("First Name", Some(Kind::FirstName)),
            ("Surname", Some(Kind::LastName)),
            ("Job", None),
            ("", None),
        ] {
            assert_eq!(kind(header), expected, "{header}");
        }
    }

    #[test]
    fn several_addresses_may_stand_in_a_cell() {
        for cell in [
            "ada@example.com, Ada@Work.example",
            "ada@example.com;ada@work.example",
            "ada@example.com\nada@work.example\n",
            "Ada <ada@example.com> | mailto:ada@work.example",
            "ada@example.com ada@work.example ADA@example.com",
        ] {
            let found = person(&["Email"], &[cell]).unwrap();
            assert_eq!(
                found.emails,
                ["ada@example.com", "ada@work.example"],
                "{cell}"
            );
        }
    }

    #[test]
    fn a_person_is_put_together_from_all_columns() {
        let header = ["First Name", "Last Name", "Email", "Work Email", "Links"];
        let links = "https://ada.example, https://uk.linkedin.com/in/Ada?x=1";
        let row = [
            "Ada",
            "Lovelace",
            "ada@example.com",
            "ada@work.example",
            links,
        ];
        let found = person(&header, &row).unwrap();
        assert_eq!(found.name, "Ada Lovelace");
        assert_eq!(found.linkedin().unwrap(), "https://www.linkedin.com/in/ada");
        assert_eq!(found.keys().len(), 3);
    }

    #[test]
    fn a_row_has_fifty_addresses_at_most() {
        let row = |many: usize| {
            let addresses = (0..many).map(|n| format!("ada-{n}@example.com"));
            addresses.collect::<Vec<_>>().join(" ADA-0@example.com ")
        };
        let half = row(25);
        let header = ["Email", "Work Email"];
        assert_eq!(
            person(&header, &[&row(50), &half]).unwrap().emails.len(),
            50
        );
        let why = person(&header, &[&row(51), ""]).unwrap_err();
        assert!(why.contains("more than 50"), "{why}");
        let other = half.replace("ada", "grace");
        assert!(person(&header, &[&row(26), &other]).is_err());
    }

    #[test]
    fn a_row_that_names_nobody_says_why() {
        let header = ["Email", "LinkedIn"];
        for row in [&["", ""][..], &["", "-"], &["n/a", ""], &[]] {
            assert!(person(&header, row).is_err(), "{row:?}");
        }
        for broken in [
            "ada@",
            "@example.com",
            "ada@example",
            "a@b@c.example",
            "ada@x..example",
        ] {
            let why = person(&header, &[broken, ""]).unwrap_err();
            assert!(why.contains("can be read"), "{broken}: {why}");
        }
        let why = person(&header, &["", ""]).unwrap_err();
        assert!(why.contains("has neither"), "{why}");
    }

    #[test]
    fn without_a_column_that_identifies_anybody_there_is_nothing_to_read() {
        let seen = Columns::of(&cells(&["Name", "Job", "Recruiter Email"])).unwrap_err();
        assert_eq!(seen, ["Name", "Job", "Recruiter Email"]);
    }
}
