//! The field map: which variable goes where, under which policy. What nobody has said has working defaults.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    catalogue::{Catalogue, Field, Kind, is_titled},
    decide::Write,
    native::Native,
    variable::Variable,
};
use crate::ids::FieldId;

/// The keys of the settings that the map is kept under.
pub const MAP: &str = "fields.map";
/// Variables without which nobody is created.
pub const MANDATORY: &str = "fields.mandatory";
/// The only fields that are written, where it is set.
pub const DISPLAYED: &str = "fields.displayed";
/// Variables that prospects can be listed by.
pub const FILTERABLE: &str = "fields.filterable";

/// Where a value goes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub enum Target {
    /// Into a field that every candidate has.
    Native(Native),
    /// Into a custom field.
    Custom(FieldId),
}

impl From<String> for Target {
    fn from(word: String) -> Self {
        Native::parse(&word).map_or_else(|| Self::Custom(word.into()), Self::Native)
    }
}

impl From<Target> for String {
    fn from(target: Target) -> Self {
        target.to_string()
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Native(native) => native.fmt(f),
            Self::Custom(id) => id.fmt(f),
        }
    }
}

/// That a variable goes into a field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry<T = Target> {
    /// What.
    pub variable: Variable,
    /// Where to.
    pub to: T,
    /// Whether.
    pub policy: Write,
}

/// What holds of fields.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FieldMap {
    /// What was set; the defaults come on top.
    pub entries: Vec<Entry>,
    /// What has to be said before anybody is created.
    pub mandatory: Vec<Variable>,
    /// The only fields that are written; all of the map where there is none.
    pub displayed: Option<Vec<Target>>,
    /// What prospects can be listed by.
    pub filterable: Vec<Variable>,
}

/// Where contact details go unless the map says otherwise. A new primary address would change whom Ashby writes to.
const CONTACT: [(Variable, Native, Write); 6] = [
    (Variable::Name, Native::Name, Write::Always),
    (Variable::Email, Native::Email, Write::IfBlank),
    (
        Variable::AlternateEmails,
        Native::AlternateEmails,
        Write::Always,
    ),
    (Variable::Phone, Native::Phone, Write::Always),
    (Variable::LinkedinUrl, Native::LinkedinUrl, Write::Always),
    (Variable::Location, Native::Location, Write::Always),
];

/// What has no place among the fields of every candidate, with the title of the custom field that takes it.
const PLACELESS: [(Variable, &str); 2] =
    [(Variable::Title, "Title"), (Variable::Company, "Company")];

fn contact() -> impl Iterator<Item = Entry> {
    let links = [
        ("github", Native::GithubUrl),
        ("website", Native::WebsiteUrl),
    ];
    let links = links
        .into_iter()
        .map(|(site, native)| (Variable::SocialUrl(site.to_owned()), native, Write::Always));
    CONTACT
        .into_iter()
        .chain(links)
        .map(|(variable, native, policy)| Entry {
            variable,
            to: Target::Native(native),
            policy,
        })
}

impl FieldMap {
    /// What `settings` come to, each by its key. What means nothing, as a later version may leave it, counts as not set.
    pub fn of<'s>(settings: impl Fn(&str) -> Option<&'s Value>) -> Self {
        fn read<T: for<'a> Deserialize<'a>>(value: Option<&Value>) -> Option<T> {
            T::deserialize(value?).ok()
        }
        Self {
            entries: read(settings(MAP)).unwrap_or_default(),
            mandatory: read(settings(MANDATORY)).unwrap_or_default(),
            displayed: read(settings(DISPLAYED)),
            filterable: read(settings(FILTERABLE)).unwrap_or_default(),
        }
    }

    /// Every entry that counts, those that were set first. A default counts where neither its variable nor its field was
    /// set otherwise.
    pub fn in_force(&self, catalogue: &Catalogue) -> Vec<Entry> {
        let placeless = PLACELESS.into_iter().filter_map(|(variable, title)| {
            let to = Target::Custom(catalogue.text_of_candidate(title)?.id.clone());
            let policy = Write::IfBlank;
            Some(Entry {
                variable,
                to,
                policy,
            })
        });
        self.with(contact().chain(placeless))
    }

    fn with(&self, defaults: impl Iterator<Item = Entry>) -> Vec<Entry> {
        let is_free = |usual: &Entry| {
            let mut set = self.entries.iter();
            !set.any(|entry| entry.variable == usual.variable || entry.to == usual.to)
        };
        let set = self.entries.iter().cloned();
        set.chain(defaults.filter(is_free)).collect()
    }

    /// Whether a field may be written at all.
    pub fn shows(&self, target: &Target) -> bool {
        let displayed = self.displayed.as_ref();
        displayed.is_none_or(|displayed| displayed.contains(target))
    }

    /// What goes into a field that every candidate has; `None` where nothing may.
    pub fn source_of(&self, native: Native) -> Option<Variable> {
        let target = Target::Native(native);
        let mut entries = self.with(contact()).into_iter();
        let found = entries.find(|entry| entry.to == target)?;
        let may = found.policy != Write::Never && self.shows(&target);
        may.then_some(found.variable)
    }

    /// What the settings ask for that Dover does not say.
    pub fn missing(&self, dover: &crate::plan::says::DoverSays) -> Vec<String> {
        let mandatory = self.mandatory.iter();
        let missing = mandatory.filter(|variable| !variable.is_said(dover));
        missing.map(ToString::to_string).collect()
    }
}

/// Which of title and company go into no field: whoever keeps notes may put them there.
pub fn without_place(map: &FieldMap, catalogue: &Catalogue) -> Vec<Variable> {
    let entries = map.in_force(catalogue);
    let has_place = |variable: &Variable| {
        entries.iter().any(|entry| {
            let is_there = match &entry.to {
                Target::Native(_) => true,
                Target::Custom(id) => catalogue.writable().any(|field| field.id == *id),
            };
            let may = entry.policy != Write::Never && map.shows(&entry.to);
            entry.variable == *variable && is_there && may
        })
    };
    let placeless = PLACELESS.into_iter().map(|(variable, _)| variable);
    placeless.filter(|variable| !has_place(variable)).collect()
}

/// What is wrong with a map: where, within what was given, and what and what to do.
pub type Faults = Vec<(String, String)>;

/// Checks a map against the fields that there are. Fields may be given by id or by title, and are kept by id.
///
/// A map cannot lead in a circle: values go from Dover into Ashby, and nothing is read back from a field.
pub fn check(asked: &[Entry<String>], catalogue: &Catalogue) -> Result<Vec<Entry>, Faults> {
    let (mut entries, mut faults): (Vec<Entry>, Faults) = (Vec::new(), Vec::new());
    for (at, entry) in asked.iter().enumerate() {
        let variable = &entry.variable;
        let to = match target(&entry.to, catalogue) {
            Ok(to) => to,
            Err(detail) => {
                faults.push((format!("/{at}/to"), detail));
                continue;
            }
        };
        if let Some(detail) = misfit(variable, &to, catalogue) {
            faults.push((format!("/{at}/to"), detail));
        }
        if let Some(other) = entries.iter().find(|entry| entry.to == to) {
            let other = &other.variable;
            let detail = format!("takes {other} already: two variables cannot go into one field");
            faults.push((format!("/{at}/to"), detail));
        } else if let Some(other) = entries
            .iter()
            .find(|entry| entry.variable == *variable && !variable.is_list())
        {
            let detail = format!(
                "{variable} goes into {} already: only a list, such as fields.<name>[], may go into several fields",
                named(&other.to, catalogue)
            );
            faults.push((format!("/{at}/variable"), detail));
        }
        let (variable, policy) = (variable.clone(), entry.policy);
        entries.push(Entry {
            variable,
            to,
            policy,
        });
    }
    if faults.is_empty() {
        Ok(entries)
    } else {
        Err(faults)
    }
}

/// Checks a list of fields.
pub fn check_targets(asked: &[String], catalogue: &Catalogue) -> Result<Vec<Target>, Faults> {
    let (mut targets, mut faults): (Vec<Target>, Faults) = (Vec::new(), Vec::new());
    for (at, word) in asked.iter().enumerate() {
        match target(word, catalogue) {
            Ok(to) if targets.contains(&to) => {
                faults.push((format!("/{at}"), "is there twice".to_owned()));
            }
            Ok(to) => targets.push(to),
            Err(detail) => faults.push((format!("/{at}"), detail)),
        }
    }
    if faults.is_empty() {
        Ok(targets)
    } else {
        Err(faults)
    }
}

/// The field that a word names: one that every candidate has, or a custom field by its id or its title.
fn target(word: &str, catalogue: &Catalogue) -> Result<Target, String> {
    if let Some(native) = Native::parse(word) {
        return Ok(Target::Native(native));
    }
    if let Some(field) = catalogue.field(&word.into()) {
        return writable(field).map(|()| Target::Custom(field.id.clone()));
    }
    let titled = |field: &&Field| is_titled(field, word);
    let found: Vec<&Field> = catalogue.writable().filter(titled).collect();
    match found.as_slice() {
        [only] => Ok(Target::Custom(only.id.clone())),
        [] => match catalogue.0.iter().find(titled) {
            Some(field) => writable(field).map(|()| Target::Custom(field.id.clone())),
            None => Err(format!(
                "is no field of a candidate or an application in Ashby; there are {}",
                listed(catalogue)
            )),
        },
        several => {
            let ids: Vec<_> = several.iter().map(|field| field.id.as_str()).collect();
            let ids = ids.join(", ");
            Err(format!(
                "is the title of several fields; give the id of one: {ids}"
            ))
        }
    }
}

fn writable(field: &Field) -> Result<(), String> {
    let title = &field.title;
    if field.object.is_none() {
        let other = field.of_other.as_deref().unwrap_or("something else");
        return Err(format!(
            "\u{201c}{title}\u{201d} is a field of {other}: only fields of candidates and applications can be mapped"
        ));
    }
    if field.is_archived {
        return Err(format!(
            "\u{201c}{title}\u{201d} was archived in Ashby: restore it there, or map to another field"
        ));
    }
    if let Kind::Other(kind) = &field.kind {
        return Err(format!(
            "\u{201c}{title}\u{201d} is of type {kind}, which is not written to: map to a field of another type"
        ));
    }
    Ok(())
}

/// How many fields a fault lists.
const LISTED: usize = 20;

fn listed(catalogue: &Catalogue) -> String {
    let natives = Native::ALL.into_iter().map(|(_, word, _)| word.to_owned());
    let custom = catalogue.writable().take(LISTED);
    let custom = custom.map(|field| format!("\u{201c}{}\u{201d} ({})", field.title, field.id));
    natives.chain(custom).collect::<Vec<_>>().join(", ")
}

/// A field as people call it.
pub fn named(target: &Target, catalogue: &Catalogue) -> String {
    match target {
        Target::Native(native) => native.title().to_owned(),
        Target::Custom(id) => {
            let field = catalogue.field(id);
            field.map_or_else(|| id.to_string(), |field| field.title.clone())
        }
    }
}

/// Why no value of a variable can ever fit a field.
fn misfit(variable: &Variable, to: &Target, catalogue: &Catalogue) -> Option<String> {
    let kind = match to {
        Target::Native(native) => {
            return native
                .refuses(variable)
                .map(|why| format!("{native} {why}"));
        }
        Target::Custom(id) => &catalogue.field(id)?.kind,
    };
    let any = matches!(variable, Variable::Field(_) | Variable::FieldList(_));
    let fits = match kind {
        Kind::Text | Kind::Select(_) | Kind::MultiSelect(_) => true,
        Kind::Email => matches!(
            variable,
            Variable::Email | Variable::AlternateEmails | Variable::OwnerEmail
        ),
        Kind::Phone => *variable == Variable::Phone,
        Kind::Url => matches!(variable, Variable::LinkedinUrl | Variable::SocialUrl(_)),
        Kind::Date => *variable == Variable::UpdatedAt,
        Kind::Number | Kind::Boolean | Kind::Other(_) => false,
    };
    (!any && !fits).then(|| {
        format!(
            "{variable} never fits: \u{201c}{}\u{201d} takes {kind}",
            named(to, catalogue)
        )
    })
}

/// What is kept of a checked list.
pub fn kept<T: Serialize>(of: &T) -> Value {
    serde_json::to_value(of).expect("words and lists of them are JSON")
}
