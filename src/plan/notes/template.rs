//! Templates of notes: text with `{{variables}}` of a closed list and the elements that Ashby keeps. Whatever else looks
//! like markup is refused when the template is set, so that nothing has to be cleaned when a note is written.

use std::fmt;

/// The elements that Ashby keeps in a note; it strips all others.
pub const ELEMENTS: [&str; 9] = ["b", "i", "u", "a", "ul", "ol", "li", "code", "pre"];

/// Length of the longest template, in characters.
pub const MAX_TEMPLATE: usize = 2_000;

/// How much of what is wrong is repeated, in characters.
const SHOWN: usize = 60;

macro_rules! variables {
    ($($(#[$doc:meta])* $variant:ident = $name:literal),+ $(,)?) => {
        /// Something that a template can name.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Variable {
            $($(#[$doc])* $variant,)+
        }

        impl Variable {
            /// All of them, in the order of the documentation.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];
            /// Their names.
            pub const NAMES: &'static [&'static str] = &[$($name),+];

            /// Its name.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)+
                }
            }
        }
    };
}

variables! {
    /// What happened, in words.
    Kind = "kind",
    /// When, in UTC.
    At = "at",
    /// The subject line of a message.
    Subject = "subject",
    /// The text.
    Body = "body",
    /// How the candidate sounds.
    Sentiment = "sentiment",
    /// The candidate's name.
    Candidate = "candidate",
    /// The candidate's job title.
    Title = "title",
    /// The candidate's employer.
    Company = "company",
    /// The title of the job in Ashby.
    Job = "job",
    /// The e-mail address of the sourcer.
    Owner = "owner",
    /// The stage that the application was moved from.
    From = "from",
    /// The stage that it was moved to, or made at.
    To = "to",
    /// The archive reason.
    Reason = "reason",
}

impl Variable {
    fn named(name: &str) -> Option<Self> {
        Self::ALL
            .iter()
            .copied()
            .find(|variable| variable.name() == name)
    }
}

/// What is wrong with a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TemplateFault {
    /// It says nothing.
    Blank,
    /// It is longer than [`MAX_TEMPLATE`].
    TooLong,
    /// A variable that is not known.
    UnknownVariable(String),
    /// A variable that does not end.
    OpenVariable,
    /// An element that Ashby strips, or one in a form that is not taken.
    Element(String),
    /// A link that leads elsewhere than to the web or to a mailbox.
    Link(String),
    /// An element that is not ended, or ended where another one is open.
    Unbalanced(String),
}

impl fmt::Display for TemplateFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Blank => f.write_str("expected a text that is not blank"),
            Self::TooLong => write!(f, "expected at most {MAX_TEMPLATE} characters"),
            Self::UnknownVariable(name) => write!(
                f,
                "{{{{{name}}}}} is not known here. Known are {}",
                Variable::NAMES.join(", ")
            ),
            Self::OpenVariable => {
                f.write_str("a variable is opened with {{ and not closed with }}")
            }
            Self::Element(tag) => write!(
                f,
                "{tag} is not taken: Ashby keeps the elements {}, without attributes but for the href of a. Write &lt; for a plain <",
                ELEMENTS.join(", ")
            ),
            Self::Link(target) => write!(
                f,
                "a link may lead to an address that begins with http://, https:// or mailto:, spelt out, and not to {target:?}"
            ),
            Self::Unbalanced(name) => write!(
                f,
                "<{name}> has to be ended by </{name}>, within the element in which it stands"
            ),
        }
    }
}

/// A part of a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Node {
    /// HTML text, as it is.
    Text(String),
    /// A value.
    Value(Variable),
    /// An element with what is in it.
    Element {
        /// Its name, perhaps with where it leads to.
        open: String,
        /// Its name.
        name: &'static str,
        /// What is in it.
        within: Vec<Node>,
    },
}

/// A template that was understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template(pub(super) Vec<Node>);

impl Template {
    /// Understands a template, or says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, TemplateFault> {
        if text.trim().is_empty() {
            return Err(TemplateFault::Blank);
        }
        if text.chars().count() > MAX_TEMPLATE {
            return Err(TemplateFault::TooLong);
        }
        let mut parser = Parser {
            rest: text,
            open: Vec::new(),
            level: Vec::new(),
        };
        while !parser.rest.is_empty() {
            parser.step()?;
        }
        match parser.open.pop() {
            Some((_, name, _)) => Err(TemplateFault::Unbalanced(name.to_owned())),
            None => Ok(Self(parser.level)),
        }
    }
}

struct Parser<'a> {
    rest: &'a str,
    /// The elements that are open: each with what stood beside it so far.
    open: Vec<(String, &'static str, Vec<Node>)>,
    /// What is in the innermost one.
    level: Vec<Node>,
}

impl Parser<'_> {
    fn step(&mut self) -> Result<(), TemplateFault> {
        if let Some(after) = self.rest.strip_prefix("{{") {
            let (name, rest) = after.split_once("}}").ok_or(TemplateFault::OpenVariable)?;
            let name = name.trim();
            let variable =
                Variable::named(name).ok_or_else(|| TemplateFault::UnknownVariable(shown(name)))?;
            self.level.push(Node::Value(variable));
            self.rest = rest;
            return Ok(());
        }
        if self.rest.starts_with('<') {
            return self.tag();
        }
        let end = [self.rest.find('<'), self.rest.find("{{")];
        let end = end.into_iter().flatten().min();
        let (text, rest) = self.rest.split_at(end.unwrap_or(self.rest.len()));
        self.level.push(Node::Text(tidied(text)));
        self.rest = rest;
        Ok(())
    }

    fn tag(&mut self) -> Result<(), TemplateFault> {
        let Some((tag, rest)) = self.rest[1..].split_once('>') else {
            return Err(TemplateFault::Element(shown(self.rest)));
        };
        let strange = || TemplateFault::Element(format!("<{}>", shown(tag)));
        self.rest = rest;
        if let Some(name) = tag.strip_prefix('/') {
            let name = element(name).ok_or_else(strange)?;
            return self.close(name);
        }
        let (name, attributes) = tag.split_once(char::is_whitespace).unwrap_or((tag, ""));
        let name = element(name).ok_or_else(strange)?;
        let open = match (name, attributes.trim()) {
            (_, "") => name.to_owned(),
            ("a", attribute) => format!("a href=\"{}\"", link(attribute).ok_or_else(strange)??),
            _ => return Err(strange()),
        };
        let beside = std::mem::take(&mut self.level);
        self.open.push((open, name, beside));
        Ok(())
    }

    fn close(&mut self, name: &'static str) -> Result<(), TemplateFault> {
        let unbalanced = || TemplateFault::Unbalanced(name.to_owned());
        let (open, opened, beside) = self.open.pop().ok_or_else(unbalanced)?;
        if opened != name {
            return Err(TemplateFault::Unbalanced(opened.to_owned()));
        }
        let within = std::mem::replace(&mut self.level, beside);
        self.level.push(Node::Element { open, name, within });
        Ok(())
    }
}

/// One of the elements, whatever its case.
fn element(name: &str) -> Option<&'static str> {
    let name = name.trim_end();
    ELEMENTS
        .into_iter()
        .find(|element| element.eq_ignore_ascii_case(name))
}

/// Where a link leads, if the attribute is one and leads to where links may.
fn link(attribute: &str) -> Option<Result<String, TemplateFault>> {
    let quoted = attribute.strip_prefix("href=")?;
    let target = quoted.strip_prefix('"')?.strip_suffix('"')?;
    if target.contains(['"', '<']) {
        return None;
    }
    let lower = target.to_ascii_lowercase();
    let is_safe = ["http://", "https://", "mailto:"]
        .iter()
        .any(|scheme| lower.len() > scheme.len() && lower.starts_with(scheme));
    let is_plain = !target.contains("{{") && !target.contains(char::is_whitespace);
    Some(
        if is_safe && is_plain && !target.contains(char::is_control) {
            Ok(tidied(target))
        } else {
            Err(TemplateFault::Link(shown(target)))
        },
    )
}

/// The letters that a template may have to write as entities. Every other one can stand for itself.
const ENTITIES: [&str; 6] = ["lt;", "gt;", "amp;", "quot;", "#39;", "nbsp;"];

/// A text in which each `&` begins one of these entities: any other is written as one.
fn tidied(text: &str) -> String {
    let mut tidied = String::with_capacity(text.len());
    for (at, letter) in text.char_indices() {
        let begins = |entity: &&str| text[at + 1..].starts_with(*entity);
        match letter {
            '&' if !ENTITIES.iter().any(begins) => tidied.push_str("&amp;"),
            '>' => tidied.push_str("&gt;"),
            letter => tidied.push(letter),
        }
    }
    tidied
}

fn shown(text: &str) -> String {
    text.chars().take(SHOWN).collect()
}
