//! Gives the whole exclusion list out again, a page at a time: the rows of the lists in force, and those whom the rules
//! keep on it, as Ashby shows them while the export runs. Of the latter nothing is stored in clear.

use std::collections::VecDeque;

use chrono::{DateTime, Utc};
use futures::{Stream, stream};

use super::InAshby;
use crate::{
    ashby::{AshbyClient, Candidate, Next, PageFrom},
    ids::{ConnectionId, DoverJobId, ExclusionImportId},
    plan::{
        exclusion::{Facts, Rules, hit},
        identity::{linkedin_address, linkedin_slug},
    },
    store::{self, exclusion_import::Listed},
    sync::{Sync, SyncError, access::Access},
};

/// People given out at a time, of lists. Ashby gives a hundred.
const PAGE: i64 = 1_000;

/// Somebody on the list, as they are given out.
#[derive(Clone, Debug)]
pub struct Given {
    /// The name; empty where it is not known.
    pub name: String,
    /// Every address.
    pub emails: Vec<String>,
    /// The address of the profile.
    pub linkedin: Option<String>,
    /// Why they are on it.
    pub why: String,
}

/// Whose list is given out.
#[derive(Clone, Debug)]
pub struct Scope {
    /// The connection.
    pub connection: ConnectionId,
    /// Lists for one job: those for this one alone, or all where it is left out.
    pub job: Option<DoverJobId>,
}

/// Where an export stands.
enum Place {
    Lists(VecDeque<(ExclusionImportId, String)>, i64),
    Ashby(Box<Followed>, PageFrom),
    End,
}

/// What the rules need.
struct Followed {
    client: AshbyClient,
    rules: Rules,
}

/// Everybody on the list, page by page. Whatever breaks it ends it with an error.
pub async fn export(
    sync: &Sync,
    scope: Scope,
) -> Result<impl Stream<Item = Result<Vec<Given>, SyncError>> + Send + use<>, SyncError> {
    let lists = store::exclusion_list::in_force(&sync.pool, scope.connection, scope.job.as_ref());
    let place = Place::Lists(lists.await?.into(), 0);
    let export = Export {
        sync: sync.clone(),
        connection: scope.connection,
    };
    Ok(stream::try_unfold(
        (export, place),
        |(export, place)| async {
            let Some((given, place)) = export.page(place).await? else {
                return Ok(None);
            };
            Ok(Some((given, (export, place))))
        },
    ))
}

struct Export {
    sync: Sync,
    connection: ConnectionId,
}

impl Export {
    async fn page(&self, place: Place) -> Result<Option<(Vec<Given>, Place)>, SyncError> {
        match place {
            Place::Lists(lists, beyond) => self.of_lists(lists, beyond).await.map(Some),
            Place::Ashby(followed, from) => self.of_ashby(followed, from).await.map(Some),
            Place::End => Ok(None),
        }
    }

    async fn of_lists(
        &self,
        mut lists: VecDeque<(ExclusionImportId, String)>,
        beyond: i64,
    ) -> Result<(Vec<Given>, Place), SyncError> {
        let Some((import, name)) = lists.front() else {
            return Ok((Vec::new(), self.then_ashby().await?));
        };
        let people = store::exclusion_import::people(&self.sync.pool, *import, beyond, PAGE);
        let people = people.await?;
        // Of somebody who was erased nothing is left to give out.
        let is_there = |listed: &&Listed| !listed.emails.is_empty() || listed.linkedin.is_some();
        let given = people.iter().filter(is_there).map(|listed| Given {
            name: listed.name.clone(),
            emails: listed.emails.clone(),
            linkedin: listed.linkedin.clone(),
            why: format!("line {} of {name}", listed.line),
        });
        let given = given.collect();
        let Some(last) = people.last() else {
            lists.pop_front();
            return Ok((given, Place::Lists(lists, 0)));
        };
        Ok((given, Place::Lists(lists, last.line)))
    }

    async fn then_ashby(&self) -> Result<Place, SyncError> {
        let in_force = store::exclusion::rules(&self.sync.pool, self.connection).await?;
        let rules = in_force.rules;
        if rules.are_off() {
            return Ok(Place::End);
        }
        let access = Access::of(&self.sync, self.connection).await?;
        let followed = Followed {
            client: access.client,
            rules,
        };
        Ok(Place::Ashby(Box::new(followed), PageFrom::Start))
    }

    async fn of_ashby(
        &self,
        followed: Box<Followed>,
        from: PageFrom,
    ) -> Result<(Vec<Given>, Place), SyncError> {
        let page = followed.client.candidates_page(&from).await?;
        let ids: Vec<String> = page
            .items
            .iter()
            .map(|person| person.id.0.clone())
            .collect();
        let (sync, rules) = (&self.sync, &followed.rules);
        let held = InAshby::of(sync, self.connection, rules, &ids).await?;
        let now = sync.clock.now();
        let given = page
            .items
            .iter()
            .filter_map(|person| given(person, &held, rules, now));
        let given = given.collect();
        let place = match page.next {
            Next::More(cursor) => {
                let from = PageFrom::Cursor {
                    cursor,
                    since: None,
                };
                Place::Ashby(followed, from)
            }
            Next::Done(_) => Place::End,
        };
        Ok((given, place))
    }
}

/// A candidate of Ashby's, if a rule keeps them on the list and they can be told.
fn given(person: &Candidate, held: &InAshby, rules: &Rules, now: DateTime<Utc>) -> Option<Given> {
    let mut facts = Facts::default();
    held.add(&person.id, &mut facts);
    let hit = hit(rules, &facts, now)?;
    let mut emails: Vec<String> = person.emails().map(str::to_lowercase).collect();
    emails.sort_unstable();
    emails.dedup();
    let linkedin = person.linked_in_urls().find_map(linkedin_slug);
    (!emails.is_empty() || linkedin.is_some()).then(|| Given {
        name: person.name.clone(),
        emails,
        linkedin: linkedin.map(|slug| linkedin_address(&slug)),
        why: hit.to_string(),
    })
}
