//! Looks at Ashby cheaply. Its two lists are followed by their sync tokens, a hundred entries a call; the first pass over
//! them is resumable by cursor. Single applications are looked at when a change to them is about to be made.

use chrono::{DateTime, TimeDelta, Utc};

use super::{Sync, SyncError, exclude, release};
use crate::{
    ashby::{self, AshbyClient, AshbyError, Disposition, Next, Page, PageFrom, SyncToken},
    ids::{ApplicationId, CandidateId, ConnectionId},
    plan::{identity::IdentityKey, situation::ApplicationStatus},
    store::{
        self,
        mirror::{How, Listing, Progress, Seen, Standing},
        vault::Trait,
    },
};

/// Calls that one look may spend on a list, so that a first pass over a large organisation is shared out over several
/// flushes. Where the limit is low, [`TIME_A_LOOK`] ends it first.
const PAGES_A_LOOK: usize = 250;

/// How long one look may go on with a first pass: other connections wait for this one's slot. A pass that follows a token is
/// read on, for decisions rest on it.
const TIME_A_LOOK: TimeDelta = TimeDelta::seconds(60);

/// The part of the key's limit that a first pass may take. It goes on for long in a large organisation and nobody can
/// hurry it, so others get more room than beside a flush's own work.
const LEARNING_SHARE: f64 = 0.5;

/// What a look at both lists showed.
#[derive(Debug)]
pub(super) struct Picture {
    /// When the look began: what Ashby showed by then, it shows.
    pub(super) asked_at: DateTime<Utc>,
    /// How the candidates are known.
    pub(super) candidates: Known,
    /// How the applications are known.
    pub(super) applications: Known,
    /// When the look ended.
    pub(super) at: DateTime<Utc>,
    /// When the applications were asked for.
    pub(super) applications_at: DateTime<Utc>,
}

/// How well a list is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Known {
    /// All of it, as of the look.
    Current,
    /// All of it, but a pass that was started over is still under way.
    Stale,
    /// The first pass is under way.
    Learning {
        /// Entries read so far.
        read: i64,
    },
}

/// Follows the candidates to the end of their list, or as far as one look may go.
pub(super) async fn follow_candidates(
    sync: &Sync,
    connection: ConnectionId,
    client: &AshbyClient,
) -> Result<Known, SyncError> {
    let somebody_waits = release::awaits_merge(sync, connection).await?;
    let mut progress = store::mirror::progress(&sync.pool, connection, Listing::Candidates).await?;
    let client = &at_leisure(client, &progress);
    let until = sync.clock.now() + TIME_A_LOOK;
    for _ in 0..PAGES_A_LOOK {
        if !progress.learned && sync.clock.now() > until {
            break;
        }
        let answer = client.candidates_page(&from(&progress)).await;
        let Some(page) = turn(answer, &mut progress)? else {
            continue;
        };
        let mut tx = sync.pool.begin().await?;
        let people: Vec<_> = page
            .items
            .iter()
            .map(|person| (person.id.clone(), hashes(sync, connection, person)))
            .collect();
        store::mirror::identify(&mut tx, connection, &people).await?;
        let described = traits(sync, connection, &page.items);
        store::mirror::describe(&mut tx, connection, &described).await?;
        if somebody_waits {
            let touched = people.iter().map(|(candidate, _)| candidate);
            release::touched(&mut tx, connection, touched).await?;
        }
        let done = advance(&mut progress, &page, sync.clock.now());
        store::mirror::set_progress(&mut tx, connection, Listing::Candidates, &progress).await?;
        tx.commit().await?;
        if done {
            return Ok(Known::Current);
        }
    }
    Ok(unfinished(&progress))
}

/// Follows the applications; also used by itself, to freshen many at once.
pub(super) async fn follow_applications(
    sync: &Sync,
    connection: ConnectionId,
    client: &AshbyClient,
) -> Result<Known, SyncError> {
    let mut progress =
        store::mirror::progress(&sync.pool, connection, Listing::Applications).await?;
    let client = &at_leisure(client, &progress);
    let until = sync.clock.now() + TIME_A_LOOK;
    for _ in 0..PAGES_A_LOOK {
        if !progress.learned && sync.clock.now() > until {
            break;
        }
        let asked_at = sync.clock.now();
        let answer = client.applications_page(&from(&progress)).await;
        let Some(page) = turn(answer, &mut progress)? else {
            continue;
        };
        let mut tx = sync.pool.begin().await?;
        let seen: Vec<Seen> = page.items.iter().map(seen).collect();
        store::mirror::saw(&mut tx, connection, &seen, How::Looked(asked_at)).await?;
        let done = advance(&mut progress, &page, asked_at);
        store::mirror::set_progress(&mut tx, connection, Listing::Applications, &progress).await?;
        tx.commit().await?;
        if done {
            return Ok(Known::Current);
        }
    }
    Ok(unfinished(&progress))
}

/// The client for a list: while it is read for the first time it leaves more of the limit to others.
fn at_leisure(client: &AshbyClient, progress: &Progress) -> AshbyClient {
    if progress.learned {
        client.clone()
    } else {
        client.leaving_at_least(1.0 - LEARNING_SHARE)
    }
}

fn from(progress: &Progress) -> PageFrom {
    let since = progress.sync_token.clone().map(SyncToken);
    match (&progress.cursor, since) {
        (Some(cursor), since) => PageFrom::Cursor {
            cursor: cursor.clone(),
            since,
        },
        (None, Some(since)) => PageFrom::Since(since),
        (None, None) => PageFrom::Start,
    }
}

/// A page, or `None` where Ashby no longer takes our place in the list: then the pass starts over.
fn turn<T>(
    answer: Result<Page<T>, AshbyError>,
    progress: &mut Progress,
) -> Result<Option<Page<T>>, AshbyError> {
    match answer {
        Ok(page) => Ok(Some(page)),
        Err(error)
            if error.is_token_refused()
                && (progress.sync_token.is_some() || progress.cursor.is_some()) =>
        {
            progress.sync_token = None;
            progress.cursor = None;
            Ok(None)
        }
        Err(error) if error.is_cursor_refused() && progress.cursor.is_some() => {
            progress.cursor = None;
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// Moves past a page. Answers whether it was the last.
fn advance<T>(progress: &mut Progress, page: &Page<T>, now: DateTime<Utc>) -> bool {
    if !progress.learned {
        progress.read += i64::try_from(page.items.len()).unwrap_or_default();
    }
    match &page.next {
        Next::More(cursor) => {
            progress.cursor = Some(cursor.clone());
            false
        }
        Next::Done(token) => {
            progress.cursor = None;
            // Without a new token the old one still names a moment from which nothing is missed.
            progress.sync_token = token
                .as_ref()
                .map(|token| token.0.clone())
                .or(progress.sync_token.take());
            progress.learned = true;
            progress.looked_at = Some(now);
            true
        }
    }
}

const fn unfinished(progress: &Progress) -> Known {
    if progress.learned {
        Known::Stale
    } else {
        Known::Learning {
            read: progress.read,
        }
    }
}

/// The keyed hashes of everything that identifies a candidate of Ashby's.
pub(super) fn hashes(
    sync: &Sync,
    connection: ConnectionId,
    person: &ashby::Candidate,
) -> Vec<Vec<u8>> {
    let emails = person.emails().filter_map(IdentityKey::email);
    let profiles = person.linked_in_urls().filter_map(IdentityKey::linkedin);
    emails
        .chain(profiles)
        .flat_map(|key| {
            // The second for whoever asks about somebody by the SHA-256 of their address alone.
            let digest = sync.vault.digest_hash(connection, &key.digest());
            [sync.vault.identity_hash(connection, &key), digest]
        })
        .collect()
}

/// What the rules of the exclusion list may ask of these people.
fn traits(
    sync: &Sync,
    connection: ConnectionId,
    people: &[ashby::Candidate],
) -> Vec<(CandidateId, Vec<Vec<u8>>)> {
    let described = people.iter().map(|person| {
        let tags = person.tags.iter().map(|tag| Trait::Tag(&tag.title));
        let company = person.company.iter().map(|name| Trait::Company(name));
        let domains = person
            .emails()
            .flat_map(exclude::domains)
            .map(Trait::Domain);
        let hash = |it: Trait<'_>| sync.vault.trait_hash(connection, &it);
        let mut hashes: Vec<_> = tags.chain(company).chain(domains).map(hash).collect();
        hashes.sort_unstable();
        hashes.dedup();
        (person.id.clone(), hashes)
    });
    described.collect()
}

/// What the mirror keeps of an application.
pub(super) fn seen(application: &ashby::Application) -> Seen {
    Seen {
        id: application.id.clone(),
        candidate: application.candidate_id.clone(),
        job: application.job_id.clone(),
        standing: standing(application),
        archive_reason: application.archive_reason_id.clone(),
        source: application.source_id.clone(),
        updated_at: application.updated_at,
        archived_at: application.archived_at,
    }
}

/// Where it stands. Without a stage, or in a status that Ashby has added since, it is nowhere that we could decide on.
fn standing(application: &ashby::Application) -> Option<Standing> {
    let status = match application.status {
        ashby::ApplicationStatus::Lead => ApplicationStatus::Lead,
        ashby::ApplicationStatus::Active => ApplicationStatus::Active,
        ashby::ApplicationStatus::Hired => ApplicationStatus::Hired,
        ashby::ApplicationStatus::Archived => ApplicationStatus::Archived,
        ashby::ApplicationStatus::Other(_) => return None,
    };
    let stage = application.current_interview_stage.as_ref()?.id.clone();
    Some(Standing { stage, status })
}

/// Looks at one application by itself. `None`: Ashby no longer has it, and the mirror knows.
pub(super) async fn look_at(
    sync: &Sync,
    connection: ConnectionId,
    client: &AshbyClient,
    id: &ApplicationId,
) -> Result<Option<Seen>, SyncError> {
    let asked_at = sync.clock.now();
    match client.application_info(id).await {
        Ok(application) => {
            let seen = seen(&application);
            let how = How::Looked(asked_at);
            let mut tx = sync.pool.begin().await?;
            store::mirror::saw(&mut tx, connection, std::slice::from_ref(&seen), how).await?;
            tx.commit().await?;
            Ok(Some(seen))
        }
        Err(error) if error.is_not_found() => {
            gone(sync, connection, client, id).await?;
            Ok(None)
        }
        Err(error) => Err(error.into()),
    }
}

/// Ashby no longer has an application. Its lists do not tell of deletions, so the person is looked for too: nobody may
/// later be taken for somebody who is not there any more. That look may fail; then it is found out when it matters.
pub(super) async fn gone(
    sync: &Sync,
    connection: ConnectionId,
    client: &AshbyClient,
    id: &ApplicationId,
) -> Result<(), SyncError> {
    let Some(candidate) = store::mirror::gone(&sync.pool, connection, id).await? else {
        return Ok(());
    };
    let looked = client.candidate_info(&candidate).await;
    if looked.is_err_and(|error| error.is_not_found()) {
        store::mirror::forget_candidates(&sync.pool, connection, &[candidate.0]).await?;
    }
    Ok(())
}

/// Keeps who a candidate is, if Ashby shows them.
pub(super) async fn recognise(
    sync: &Sync,
    connection: ConnectionId,
    client: &AshbyClient,
    candidate: &CandidateId,
) -> Result<(), SyncError> {
    match client.candidate_info(candidate).await {
        Ok(person) => identify(sync, connection, &[person]).await,
        Err(error) if error.is_not_found() => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Keeps who these people are.
pub(super) async fn identify(
    sync: &Sync,
    connection: ConnectionId,
    people: &[ashby::Candidate],
) -> Result<(), SyncError> {
    let described = traits(sync, connection, people);
    let people: Vec<_> = people
        .iter()
        .map(|person| (person.id.clone(), hashes(sync, connection, person)))
        .collect();
    let mut tx = sync.pool.begin().await?;
    store::mirror::identify(&mut tx, connection, &people).await?;
    store::mirror::describe(&mut tx, connection, &described).await?;
    tx.commit().await?;
    Ok(())
}

/// Asks Ashby who has one of the addresses among `keys`; profiles elsewhere cannot be searched for. An address that Ashby
/// refuses to search for is nobody's.
pub(super) async fn search(
    client: &AshbyClient,
    keys: &[IdentityKey],
) -> Result<Vec<ashby::Candidate>, SyncError> {
    let mut found: Vec<ashby::Candidate> = Vec::new();
    for key in keys {
        let IdentityKey::Email(address) = key else {
            continue;
        };
        let people = match client.candidate_search_by_email(address).await {
            Ok(people) => people,
            Err(error) if error.disposition() == Disposition::Permanent => continue,
            Err(error) => return Err(error.into()),
        };
        // How Ashby compares addresses is not documented.
        found.extend(people.into_iter().filter(|person| {
            let mut theirs = person.emails().filter_map(IdentityKey::email);
            theirs.any(|email| email == *key)
        }));
    }
    Ok(found)
}
