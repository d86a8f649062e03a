//! Rule 4, half of it: who is on the list of people to be left alone. A row of a list that an admin imported puts somebody
//! there, or one of the rules over what Ashby holds of them.

use std::fmt;

use chrono::{DateTime, Months, Utc};
use serde::{Deserialize, Serialize};

use super::{reason::moment, settings::layers::Changed};

/// What in Ashby puts somebody on the exclusion list. None of it is on until an admin says so.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Rules {
    /// An application that is a lead's or active, on whatever job.
    pub in_process: bool,
    /// An application that ended in a hire.
    pub hired: bool,
    /// An application that was archived within so many months.
    pub archived_within_months: Option<u32>,
    /// An application that was changed within so many months, whatever became of it.
    pub cool_down_months: Option<u32>,
    /// One of these tags, by title.
    pub tags: Vec<String>,
    /// One of these companies, as Dover or Ashby has it.
    pub companies: Vec<String>,
    /// An e-mail address at one of these domains, or below it.
    pub email_domains: Vec<String>,
}

impl Rules {
    /// Whether nothing is on.
    pub fn are_off(&self) -> bool {
        *self == Self::default()
    }

    /// The words of `words` that `text` is, however it is written.
    pub fn names(words: &[String], text: &str) -> Option<String> {
        let text = folded(text);
        let found = words.iter().find(|word| folded(word) == text);
        found.cloned()
    }

    /// The domain of the rules that an e-mail address is at, or below.
    pub fn domain_of(&self, address: &str) -> Option<String> {
        let (_, host) = address.rsplit_once('@')?;
        let host = folded(host);
        let is_at = |domain: &&String| {
            let domain = folded(domain);
            host.strip_suffix(&domain)
                .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
        };
        self.email_domains.iter().find(is_at).cloned()
    }
}

/// A text as it is compared: trimmed, in lower case, with single spaces.
pub fn folded(text: &str) -> String {
    let words: Vec<String> = text.split_whitespace().map(str::to_lowercase).collect();
    words.join(" ")
}

/// What Ashby holds of a person, as far as the rules ask. An application that the service made does not count as long as it
/// is a lead's: to have been sourced for one job keeps nobody from the next.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// One application is a lead's or active.
    pub in_process: bool,
    /// One ended in a hire.
    pub hired: bool,
    /// When the last one was archived.
    pub archived_at: Option<DateTime<Utc>>,
    /// When one was last changed.
    pub touched_at: Option<DateTime<Utc>>,
    /// A tag that the rules name.
    pub tag: Option<String>,
    /// A company that the rules name.
    pub company: Option<String>,
    /// An e-mail domain that the rules name.
    pub email_domain: Option<String>,
}

/// The rule that somebody falls under.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "rule")]
pub enum Hit {
    /// In process.
    InProcess,
    /// Hired.
    Hired,
    /// Archived not long ago.
    ArchivedWithin {
        /// When.
        at: DateTime<Utc>,
        /// How long ago counts.
        months: u32,
    },
    /// Changed not long ago.
    CoolDown {
        /// When.
        at: DateTime<Utc>,
        /// How long ago counts.
        months: u32,
    },
    /// A tag.
    Tag {
        /// Its title, as the rules have it.
        tag: String,
    },
    /// A company.
    Company {
        /// Its name, as the rules have it.
        company: String,
    },
    /// An e-mail domain.
    EmailDomain {
        /// As the rules have it.
        domain: String,
    },
}

impl Hit {
    /// The rule's word, as the settings of the list have it.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::InProcess => "in_process",
            Self::Hired => "hired",
            Self::ArchivedWithin { .. } => "archived_within_months",
            Self::CoolDown { .. } => "cool_down_months",
            Self::Tag { .. } => "tags",
            Self::Company { .. } => "companies",
            Self::EmailDomain { .. } => "email_domains",
        }
    }
}

/// The first rule that somebody falls under, at that moment; those that do not pass by themselves first.
pub fn hit(rules: &Rules, facts: &Facts, now: DateTime<Utc>) -> Option<Hit> {
    let within = |at: Option<DateTime<Utc>>, months: Option<u32>| {
        let (at, months) = (at?, months?);
        let until = at.checked_add_months(Months::new(months))?;
        (now < until).then_some((at, months))
    };
    if let Some(tag) = facts.tag.clone() {
        return Some(Hit::Tag { tag });
    }
    if let Some(company) = facts.company.clone() {
        return Some(Hit::Company { company });
    }
    if let Some(domain) = facts.email_domain.clone() {
        return Some(Hit::EmailDomain { domain });
    }
    if rules.hired && facts.hired {
        return Some(Hit::Hired);
    }
    if rules.in_process && facts.in_process {
        return Some(Hit::InProcess);
    }
    if let Some((at, months)) = within(facts.archived_at, rules.archived_within_months) {
        return Some(Hit::ArchivedWithin { at, months });
    }
    within(facts.touched_at, rules.cool_down_months)
        .map(|(at, months)| Hit::CoolDown { at, months })
}

/// By what somebody was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FoundBy {
    /// An e-mail address.
    Email,
    /// A LinkedIn profile.
    Linkedin,
    /// The SHA-256 of one or the other.
    Sha256,
}

impl FoundBy {
    const fn said(self) -> &'static str {
        match self {
            Self::Email => "e-mail address",
            Self::Linkedin => "LinkedIn profile",
            Self::Sha256 => "SHA-256",
        }
    }
}

/// Why somebody is on the exclusion list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Exclusion {
    /// A row of an imported list names them.
    Row {
        /// What the list is called.
        list: String,
        /// When it was imported.
        imported_at: DateTime<Utc>,
        /// The line of the file.
        line: i64,
        /// What matched.
        by: FoundBy,
    },
    /// They fall under a rule over what Ashby holds.
    Rule {
        /// Which.
        hit: Hit,
        /// By what they were found in Ashby; `None` where Dover's own word was enough.
        by: Option<FoundBy>,
        /// When the rules were last changed, and by whom.
        changed: Option<Changed>,
    },
}

impl fmt::Display for Exclusion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Row {
                list,
                imported_at,
                line,
                by,
            } => write!(
                f,
                "line {line} of \u{201c}{list}\u{201d}, imported on {}, has their {}",
                day(*imported_at),
                by.said()
            ),
            Self::Rule { hit, by, changed } => {
                write!(f, "{hit}")?;
                if let Some(by) = by {
                    write!(f, ", found in Ashby by their {}", by.said())?;
                }
                write!(f, "; the rule {} is set", hit.word())?;
                match changed {
                    Some(Changed { at, by }) => write!(
                        f,
                        ", and the rules were last changed on {} by {by}",
                        moment(*at)
                    ),
                    None => Ok(()),
                }
            }
        }
    }
}

impl fmt::Display for Hit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InProcess => f.write_str("they are in process"),
            Self::Hired => f.write_str("they were hired"),
            Self::ArchivedWithin { at, months } => write!(
                f,
                "they were archived on {}, within the last {}",
                day(*at),
                Span(*months)
            ),
            Self::CoolDown { at, months } => write!(
                f,
                "an application of theirs was changed on {}, within the last {}",
                day(*at),
                Span(*months)
            ),
            Self::Tag { tag } => write!(f, "they have the tag \u{201c}{tag}\u{201d}"),
            Self::Company { company } => {
                write!(f, "their company is \u{201c}{company}\u{201d}")
            }
            Self::EmailDomain { domain } => {
                write!(f, "they have an e-mail address at \u{201c}{domain}\u{201d}")
            }
        }
    }
}

fn day(at: DateTime<Utc>) -> impl fmt::Display {
    at.format("%-d %B %Y")
}

/// So many months.
struct Span(u32);

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            1 => f.write_str("month"),
            months => write!(f, "{months} months"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn rules() -> Rules {
        Rules {
            in_process: true,
            hired: true,
            archived_within_months: Some(6),
            cool_down_months: Some(12),
            tags: vec!["Do not contact".to_owned()],
            companies: vec!["Analytical Engines".to_owned()],
            email_domains: vec!["engines.example".to_owned()],
        }
    }

    #[test]
    fn nothing_is_on_until_somebody_says_so() {
        let facts = Facts {
            in_process: true,
            hired: true,
            archived_at: Some(at("2026-11-01T00:00:00Z")),
            touched_at: Some(at("2026-11-01T00:00:00Z")),
            ..Facts::default()
        };
        let now = at("2026-11-21T00:00:00Z");
        assert!(Rules::default().are_off());
        assert_eq!(hit(&Rules::default(), &facts, now), None);
        assert_eq!(hit(&rules(), &facts, now), Some(Hit::Hired));
    }

    #[test]
    fn a_window_ends_on_the_day() {
        let archived = at("2026-05-21T10:00:00Z");
        let facts = Facts {
            archived_at: Some(archived),
            touched_at: Some(archived),
            ..Facts::default()
        };
        let inside = hit(&rules(), &facts, at("2026-11-21T09:59:59Z")).unwrap();
        assert_eq!(inside.word(), "archived_within_months");
        let later = hit(&rules(), &facts, at("2026-11-21T10:00:00Z")).unwrap();
        assert_eq!(later.word(), "cool_down_months");
        assert_eq!(hit(&rules(), &facts, at("2027-05-21T10:00:00Z")), None);
    }

    #[test]
    fn what_does_not_pass_is_told_first() {
        let facts = Facts {
            in_process: true,
            tag: Some("Do not contact".to_owned()),
            ..Facts::default()
        };
        let tag = "Do not contact".to_owned();
        let now = at("2026-11-21T00:00:00Z");
        assert_eq!(hit(&rules(), &facts, now), Some(Hit::Tag { tag }));
    }

    #[test]
    fn a_domain_counts_with_what_is_below_it_and_nothing_beside_it() {
        for (address, is_at) in [
            ("ada@engines.example", true),
            ("ada@Mail.Engines.example", true),
            ("ada@steamengines.example", false),
            ("ada@engines.example.org", false),
            ("engines.example", false),
        ] {
            assert_eq!(rules().domain_of(address).is_some(), is_at, "{address}");
        }
    }

    #[test]
    fn a_name_is_the_same_however_it_is_written() {
        let companies = rules().companies;
        assert!(Rules::names(&companies, "  analytical   ENGINES").is_some());
        assert!(Rules::names(&companies, "Analytical Engines Ltd").is_none());
    }

    #[test]
    fn a_sentence_names_the_list_the_line_and_what_matched() {
        let row = Exclusion::Row {
            list: "ashby.csv".to_owned(),
            imported_at: at("2026-11-21T10:00:00Z"),
            line: 17,
            by: FoundBy::Email,
        };
        assert_eq!(
            row.to_string(),
            "line 17 of \u{201c}ashby.csv\u{201d}, imported on 21 November 2026, has their e-mail address"
        );
        let rule = Exclusion::Rule {
            hit: Hit::ArchivedWithin {
                at: at("2026-10-03T10:00:00Z"),
                months: 6,
            },
            by: Some(FoundBy::Linkedin),
            changed: Some(Changed {
                at: at("2026-11-21T10:00:00Z"),
                by: "admin".to_owned(),
            }),
        };
        assert_eq!(
            rule.to_string(),
            "they were archived on 3 October 2026, within the last 6 months, found in Ashby by their LinkedIn profile; the rule archived_within_months is set, and the rules were last changed on 21 November 2026, 10:00:00 UTC by admin"
        );
    }
}
