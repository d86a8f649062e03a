//! Whether somebody is on the exclusion list: on a file that an admin imported, or under one of the rules over what Ashby
//! holds. Any number of people is asked about in a fixed number of statements.

mod columns;
mod export;
mod import;
mod sheet;

use std::collections::{BTreeSet, HashMap};

pub use export::{Given, Scope, export};
pub use import::{ImportError, Wanted, import};
pub use sheet::NotAList;

use super::Sync;
use crate::{
    ids::{CandidateId, ConnectionId, DoverJobId},
    plan::{
        exclusion::{Exclusion, Facts, FoundBy, Rules, hit},
        identity::IdentityKey,
        settings::layers::Changed,
    },
    store::{
        self, StoreError,
        exclusion::{Held, InForce, Row},
        vault::Trait,
    },
};

/// By what somebody may be found.
#[derive(Clone)]
struct Known {
    /// The hash that lists have.
    digest: Vec<u8>,
    /// The hash that the mirror has had all along; `None` where only a SHA-256 is known.
    identity: Option<Vec<u8>>,
    by: FoundBy,
}

/// Somebody who is asked about.
#[derive(Clone, Default)]
pub struct Somebody {
    known: Vec<Known>,
    emails: Vec<String>,
    company: Option<String>,
    job: Option<DoverJobId>,
}

impl Somebody {
    /// Somebody with these addresses, who is asked about for `job`; lists for one job count for that one alone.
    pub fn new(
        sync: &Sync,
        connection: ConnectionId,
        keys: &[IdentityKey],
        job: Option<&DoverJobId>,
    ) -> Self {
        let known = keys.iter().map(|key| Known {
            digest: sync.vault.digest_hash(connection, &key.digest()),
            identity: Some(sync.vault.identity_hash(connection, key)),
            by: match key {
                IdentityKey::Email(_) => FoundBy::Email,
                IdentityKey::LinkedIn(_) => FoundBy::Linkedin,
            },
        });
        let emails = keys.iter().filter_map(|key| match key {
            IdentityKey::Email(address) => Some(address.clone()),
            IdentityKey::LinkedIn(_) => None,
        });
        Self {
            known: known.collect(),
            emails: emails.collect(),
            company: None,
            job: job.cloned(),
        }
    }

    /// The same, who works there.
    #[must_use]
    pub fn at(mut self, company: Option<String>) -> Self {
        self.company = company;
        self
    }

    /// The same, of whom the SHA-256 of an address is known too.
    #[must_use]
    pub fn with_digest(mut self, sync: &Sync, connection: ConnectionId, digest: &[u8; 32]) -> Self {
        self.known.push(Known {
            digest: sync.vault.digest_hash(connection, digest),
            identity: None,
            by: FoundBy::Sha256,
        });
        self
    }
}

/// The domain of an e-mail address, and those above it that are more than a top-level one.
pub(super) fn domains(address: &str) -> Vec<&str> {
    let Some((_, host)) = address.rsplit_once('@') else {
        return Vec::new();
    };
    let mut domains = vec![host];
    let mut rest = host;
    while let Some((_, above)) = rest.split_once('.')
        && above.contains('.')
    {
        domains.push(above);
        rest = above;
    }
    domains
}

/// For each of these people, in the same order: why they are on the exclusion list, where they are.
pub async fn ask(
    sync: &Sync,
    connection: ConnectionId,
    people: &[Somebody],
) -> Result<Vec<Option<Exclusion>>, StoreError> {
    let all = people.iter().flat_map(|somebody| &somebody.known);
    let digests: Vec<Vec<u8>> = all.map(|known| known.digest.clone()).collect();
    let rows = store::exclusion::rows(&sync.pool, connection, &digests).await?;
    let under = Under::of(sync, connection, people).await?;
    let now = sync.clock.now();
    let asked = people.iter().map(|somebody| {
        on_a_row(somebody, &rows).or_else(|| {
            let (facts, by) = under.facts(somebody);
            let hit = hit(&under.rules, &facts, now)?;
            let changed = under.changed.clone();
            Some(Exclusion::Rule { hit, by, changed })
        })
    });
    Ok(asked.collect())
}

fn on_a_row(somebody: &Somebody, rows: &HashMap<Vec<u8>, Vec<Row>>) -> Option<Exclusion> {
    somebody.known.iter().find_map(|known| {
        let mut rows = rows.get(&known.digest)?.iter();
        let row = rows.find(|row| row.job.is_none() || row.job == somebody.job)?;
        Some(Exclusion::Row {
            list: row.list.clone(),
            imported_at: row.imported_at,
            line: row.line,
            by: known.by,
        })
    })
}

/// What the rules ask, for a number of people.
#[derive(Default)]
struct Under {
    rules: Rules,
    /// When these were last changed, and by whom.
    changed: Option<Changed>,
    /// Who in Ashby has a hash.
    who: HashMap<Vec<u8>, Vec<CandidateId>>,
    in_ashby: InAshby,
}

impl Under {
    async fn of(
        sync: &Sync,
        connection: ConnectionId,
        people: &[Somebody],
    ) -> Result<Self, StoreError> {
        let InForce { rules, changed } = store::exclusion::rules(&sync.pool, connection).await?;
        if rules.are_off() {
            return Ok(Self::default());
        }
        let all = people.iter().flat_map(|somebody| &somebody.known);
        let hashes = all.flat_map(|known| std::iter::once(&known.digest).chain(&known.identity));
        let hashes: Vec<Vec<u8>> = hashes.cloned().collect();
        let who = store::mirror::who(&sync.pool, connection, &hashes).await?;
        let candidates: BTreeSet<String> = who.values().flatten().map(|id| id.0.clone()).collect();
        let candidates: Vec<String> = candidates.into_iter().collect();
        Ok(Self {
            in_ashby: InAshby::of(sync, connection, &rules, &candidates).await?,
            rules,
            changed,
            who,
        })
    }

    /// What there is to somebody, in Ashby and by Dover's own word; and by what they were found in Ashby.
    fn facts(&self, somebody: &Somebody) -> (Facts, Option<FoundBy>) {
        let mut facts = Facts {
            company: somebody
                .company
                .as_ref()
                .and_then(|company| Rules::names(&self.rules.companies, company)),
            email_domain: somebody
                .emails
                .iter()
                .find_map(|address| self.rules.domain_of(address)),
            ..Facts::default()
        };
        if facts.company.is_some() || facts.email_domain.is_some() {
            return (facts, None);
        }
        let mut by = None;
        for known in &somebody.known {
            let hashes = std::iter::once(&known.digest).chain(&known.identity);
            let candidates = hashes.filter_map(|hash| self.who.get(hash)).flatten();
            for candidate in candidates {
                by = by.or(Some(known.by));
                self.in_ashby.add(candidate, &mut facts);
            }
        }
        (facts, by)
    }
}

/// What Ashby holds of a number of candidates, as far as the rules ask.
#[derive(Default)]
struct InAshby {
    held: HashMap<CandidateId, Held>,
    said: HashMap<CandidateId, Facts>,
}

impl InAshby {
    async fn of(
        sync: &Sync,
        connection: ConnectionId,
        rules: &Rules,
        candidates: &[String],
    ) -> Result<Self, StoreError> {
        if candidates.is_empty() {
            return Ok(Self::default());
        }
        let asked = rules.tags.iter().map(|tag| Trait::Tag(tag));
        let asked = asked.chain(rules.companies.iter().map(|name| Trait::Company(name)));
        let asked = asked.chain(rules.email_domains.iter().map(|name| Trait::Domain(name)));
        let asked: HashMap<Vec<u8>, Trait<'_>> = asked
            .map(|it| (sync.vault.trait_hash(connection, &it), it))
            .collect();
        let hashes: Vec<Vec<u8>> = asked.keys().cloned().collect();
        let held = store::exclusion::held(&sync.pool, connection, candidates).await?;
        let found = if hashes.is_empty() {
            Vec::new()
        } else {
            store::exclusion::traits(&sync.pool, connection, candidates, &hashes).await?
        };
        let mut said: HashMap<CandidateId, Facts> = HashMap::new();
        for (candidate, hash) in found {
            let facts = said.entry(candidate).or_default();
            match asked.get(&hash) {
                Some(Trait::Tag(tag)) => facts.tag = Some((*tag).to_owned()),
                Some(Trait::Company(name)) => facts.company = Some((*name).to_owned()),
                Some(Trait::Domain(name)) => facts.email_domain = Some((*name).to_owned()),
                None => {}
            }
        }
        Ok(Self { held, said })
    }

    /// Adds what there is to a candidate.
    fn add(&self, candidate: &CandidateId, facts: &mut Facts) {
        if let Some(held) = self.held.get(candidate) {
            facts.in_process |= held.in_process;
            facts.hired |= held.hired;
            facts.archived_at = facts.archived_at.max(held.archived_at);
            facts.touched_at = facts.touched_at.max(held.touched_at);
        }
        if let Some(said) = self.said.get(candidate) {
            facts.tag = facts.tag.take().or_else(|| said.tag.clone());
            facts.company = facts.company.take().or_else(|| said.company.clone());
            facts.email_domain = facts
                .email_domain
                .take()
                .or_else(|| said.email_domain.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::domains;

    #[test]
    fn a_domain_counts_with_those_above_it_but_the_last() {
        assert_eq!(
            domains("ada@mail.engines.example"),
            ["mail.engines.example", "engines.example"]
        );
        assert_eq!(domains("ada@example"), ["example"]);
        assert!(domains("ada").is_empty());
    }
}
