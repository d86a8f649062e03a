//! Gathers the [`Situation`] of each prospect: whatever the decision may depend on, a page at a time and in a fixed
//! number of statements.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, TimeDelta, Utc};

use super::{
    Sync, SyncError,
    brake::Brake,
    doubt, erase,
    exclude::{self, Somebody},
    look::{self, Known, Picture},
    settings::Policies,
};
use crate::{
    ashby::{AshbyClient, AshbyError, Disposition},
    ids::{
        ApplicationId, AshbyJobId, CandidateId, ConnectionId, DoverJobId, ErasureId, LeaseToken,
        ProspectId,
    },
    plan::{
        Situation,
        brake::Answer,
        exclusion::Exclusion,
        identity,
        situation::{ApplicationStatus, Person, Registration, Setup, Untold},
    },
    store::{self, intent::Intent, job::Job, prospect::Prospect},
};

/// What all prospects of a flush have in common.
pub(super) struct Scene<'a> {
    pub(super) sync: &'a Sync,
    pub(super) connection: ConnectionId,
    pub(super) ashby: AshbyClient,
    /// The lease under which things are done; a preview has none, and does nothing.
    pub(super) lease: Option<LeaseToken>,
    pub(super) setup: Setup,
    pub(super) jobs: HashMap<DoverJobId, Job>,
    pub(super) picture: Picture,
    pub(super) brake: Brake,
    pub(super) policies: Policies,
    /// How long the outcome of a create is looked for before somebody is asked.
    pub(super) ask_after: TimeDelta,
    /// Whose creates somebody says, in a preview, have not happened.
    pub(super) refuted: HashSet<ProspectId>,
}

/// A prospect with all that its decision may depend on.
pub(super) struct Case {
    pub(super) prospect: Prospect,
    pub(super) situation: Situation,
    /// When the application was last looked at.
    pub(super) looked_at: Option<DateTime<Utc>>,
    /// Whether the brake holds it, or held it until an admin answered.
    pub(super) held: Option<Hold>,
    /// The person was erased while this was being folded: what is kept of them is to go as well.
    pub(super) to_be_emptied: Option<ErasureId>,
}

/// That the brake holds a prospect.
pub(super) struct Hold {
    /// What an admin answered, where one did.
    pub(super) answer: Option<Answer>,
}

/// What the mirror says of a page of prospects.
struct Mirrored {
    keys: HashMap<ProspectId, Vec<Vec<u8>>>,
    who: HashMap<Vec<u8>, Vec<CandidateId>>,
    applications: HashMap<ApplicationId, store::mirror::Known>,
    intents: HashMap<ProspectId, Intent>,
    held: HashMap<ProspectId, Option<Answer>>,
    /// Keys of people whose creation is in doubt.
    doubtful: HashMap<Vec<u8>, Person>,
    /// Who is on the exclusion list, of those who are not linked.
    excluded: HashMap<ProspectId, Exclusion>,
    /// Who was erased.
    erased: HashMap<ProspectId, ErasureId>,
}

impl Scene<'_> {
    /// The cases of `prospects`, in the same order.
    pub(super) async fn gather(&self, prospects: Vec<Prospect>) -> Result<Vec<Case>, SyncError> {
        let mirrored = self.mirrored(&prospects).await?;
        let mut cases = Vec::with_capacity(prospects.len());
        for prospect in prospects {
            cases.push(self.case(prospect, &mirrored).await?);
        }
        Ok(cases)
    }

    /// The case of one prospect, from the latest that is known.
    pub(super) async fn gather_one(&self, id: ProspectId) -> Result<Option<Case>, SyncError> {
        let Some(prospect) = store::prospect::by_id(&self.sync.pool, self.connection, id).await?
        else {
            return Ok(None);
        };
        Ok(self.gather(vec![prospect]).await?.pop())
    }

    /// Who each of `prospects` may be in Ashby, as far as the mirror tells.
    pub(super) async fn who(
        &self,
        prospects: &[Prospect],
    ) -> Result<HashMap<ProspectId, Vec<CandidateId>>, SyncError> {
        let hash = |key| self.sync.vault.identity_hash(self.connection, &key);
        let keys: Vec<(&Prospect, Vec<Vec<u8>>)> = prospects
            .iter()
            .map(|prospect| {
                let keys = identity::keys(&prospect.says.contact);
                (prospect, keys.into_iter().map(hash).collect())
            })
            .collect();
        let hashes: Vec<Vec<u8>> = keys.iter().flat_map(|(_, keys)| keys.clone()).collect();
        let who = store::mirror::who(&self.sync.pool, self.connection, &hashes).await?;
        let people = |(prospect, keys): (&Prospect, Vec<Vec<u8>>)| {
            let found = keys.iter().filter_map(|key| who.get(key)).flatten();
            let people = found.chain(&prospect.candidate).cloned().collect();
            (prospect.id, people)
        };
        Ok(keys.into_iter().map(people).collect())
    }

    async fn mirrored(&self, prospects: &[Prospect]) -> Result<Mirrored, SyncError> {
        let pool = &self.sync.pool;
        let hash = |key| self.sync.vault.identity_hash(self.connection, &key);
        let strangers = prospects
            .iter()
            .filter(|prospect| prospect.application.is_none());
        let keys: HashMap<ProspectId, Vec<Vec<u8>>> = strangers
            .map(|prospect| {
                (
                    prospect.id,
                    identity::keys(&prospect.says.contact)
                        .into_iter()
                        .map(hash)
                        .collect(),
                )
            })
            .collect();
        let hashes: Vec<Vec<u8>> = keys.values().flatten().cloned().collect();
        let who = store::mirror::who(pool, self.connection, &hashes).await?;

        let linked: Vec<String> = prospects
            .iter()
            .filter_map(|prospect| prospect.application.as_ref())
            .map(|id| id.0.clone())
            .collect();
        let known = prospects
            .iter()
            .filter_map(|prospect| prospect.candidate.as_ref());
        let people: HashSet<String> = who
            .values()
            .flatten()
            .chain(known)
            .map(|id| id.0.clone())
            .collect();
        let people: Vec<String> = people.into_iter().collect();
        let applications =
            store::mirror::applications(pool, self.connection, &linked, &people).await?;

        let ids: Vec<ProspectId> = prospects.iter().map(|prospect| prospect.id).collect();
        let intents = store::intent::open(pool, self.connection, Some(&ids)).await?;
        let held = store::brake::answers(pool, &ids).await?;
        let doubtful = if keys.is_empty() {
            HashMap::new()
        } else {
            self.doubtful().await?
        };
        let known_by = prospects.iter().map(|prospect| {
            let (who, contact) = (&prospect.dover_candidate_id, &prospect.says.contact);
            (
                prospect.id,
                erase::hashes(self.sync, self.connection, who, contact),
            )
        });
        let known_by: Vec<_> = known_by.collect();
        let excluded = self.excluded(prospects, &intents).await?;
        Ok(Mirrored {
            erased: erase::erased(pool, self.connection, &known_by).await?,
            excluded,
            keys,
            held,
            doubtful,
            who,
            applications: applications
                .into_iter()
                .map(|known| (known.id.clone(), known))
                .collect(),
            intents: intents
                .into_iter()
                .map(|intent| (intent.prospect, intent))
                .collect(),
        })
    }

    /// Who was to be created and may have been: nobody of the same address or profile is created beside them.
    async fn doubtful(&self) -> Result<HashMap<Vec<u8>, Person>, SyncError> {
        let mut doubtful = HashMap::new();
        for (says, intent) in store::intent::creating(&self.sync.pool, self.connection).await? {
            if let Some(person) = self.doubt(&intent) {
                let keys = doubt::keys(self.sync, self.connection, &says, &intent);
                doubtful.extend(keys.into_iter().map(|key| (key, person.clone())));
            }
        }
        Ok(doubtful)
    }

    /// Who is on the exclusion list. Whoever is linked is not asked about, nor whose creation is half done or in doubt: what
    /// has begun goes on.
    async fn excluded(
        &self,
        prospects: &[Prospect],
        intents: &[Intent],
    ) -> Result<HashMap<ProspectId, Exclusion>, SyncError> {
        let begun: HashSet<ProspectId> = intents.iter().map(|intent| intent.prospect).collect();
        let strangers = prospects.iter().filter(|prospect| {
            prospect.application.is_none()
                && prospect.candidate.is_none()
                && !begun.contains(&prospect.id)
                && self.jobs.contains_key(&prospect.dover_job_id)
        });
        let strangers: Vec<&Prospect> = strangers.collect();
        if strangers.is_empty() {
            return Ok(HashMap::new());
        }
        let asked = strangers.iter().map(|prospect| {
            let (contact, job) = (&prospect.says.contact, &prospect.dover_job_id);
            let keys = identity::keys(contact);
            let company = contact.company.as_ref().map(|said| said.value.clone());
            Somebody::new(self.sync, self.connection, &keys, Some(job)).at(company)
        });
        let asked: Vec<Somebody> = asked.collect();
        let found = exclude::ask(self.sync, self.connection, &asked).await?;
        let found = strangers.iter().zip(found);
        Ok(found
            .filter_map(|(prospect, exclusion)| Some((prospect.id, exclusion?)))
            .collect())
    }

    /// While not every application was read, those of a person were only now looked at: asked again, for a rule may count
    /// them.
    async fn unless_excluded(
        &self,
        prospect: &Prospect,
        person: Person,
        mirrored: &Mirrored,
    ) -> Result<Person, SyncError> {
        let is_looked_at =
            matches!(person, Person::Found { .. }) && self.picture.applications != Known::Current;
        if !is_looked_at {
            return Ok(person);
        }
        let intents: Vec<Intent> = mirrored
            .intents
            .get(&prospect.id)
            .cloned()
            .into_iter()
            .collect();
        let again = self
            .excluded(std::slice::from_ref(prospect), &intents)
            .await?;
        let excluded = again.into_values().next();
        Ok(excluded.map_or(person, Person::Excluded))
    }

    async fn case(&self, prospect: Prospect, mirrored: &Mirrored) -> Result<Case, SyncError> {
        let job = self.jobs.get(&prospect.dover_job_id);
        let person = match job {
            _ if mirrored.erased.contains_key(&prospect.id) => Person::Erased,
            _ if let Some(exclusion) = mirrored.excluded.get(&prospect.id) => {
                Person::Excluded(exclusion.clone())
            }
            // Without a job nothing of the person matters, and nothing needs to be asked.
            None => Person::Nobody,
            Some(job) => {
                let person = self.person(&prospect, &job.ashby_job_id, mirrored);
                let person = or_untold(person.await)?;
                self.unless_excluded(&prospect, person, mirrored).await?
            }
        };
        let looked_at = match &person {
            Person::Linked(application)
            | Person::Found {
                application: Some(application),
                ..
            } => mirrored
                .applications
                .get(&application.id)
                .map(|known| self.seen_at(known)),
            _ => None,
        };
        let situation = Situation {
            dover: prospect.says.clone(),
            registration: job.map_or(Registration::Unknown, |job| {
                Registration::Registered(job.as_registered())
            }),
            person,
            applied_at: prospect.applied_at,
            setup: self.setup.clone(),
            policy: self.policies.of(&prospect),
        };
        let erased = mirrored.erased.get(&prospect.id).copied();
        Ok(Case {
            held: mirrored.held.get(&prospect.id).map(|answer| Hold {
                answer: answer.clone(),
            }),
            to_be_emptied: erased.filter(|_| !prospect.is_erased),
            prospect,
            situation,
            looked_at,
        })
    }

    /// An application that the look at the whole list did not mention is as it was before.
    fn seen_at(&self, known: &store::mirror::Known) -> DateTime<Utc> {
        match self.picture.applications {
            Known::Current => known.looked_at.max(self.picture.applications_at),
            Known::Stale | Known::Learning { .. } => known.looked_at,
        }
    }

    async fn person(
        &self,
        prospect: &Prospect,
        job: &AshbyJobId,
        mirrored: &Mirrored,
    ) -> Result<Person, SyncError> {
        if let Some(id) = &prospect.application {
            return match mirrored.applications.get(id) {
                Some(known) if !known.gone => Ok(linked(known, job)),
                known => self.relearn(id, job, known.is_some()).await,
            };
        }
        let intent = mirrored.intents.get(&prospect.id);
        if let Some(doubt) = intent.and_then(|intent| self.doubt(intent)) {
            return Ok(doubt);
        }
        if let Some(candidate) = &prospect.candidate {
            return self.known(candidate.clone(), job, mirrored).await;
        }
        self.by_identity(prospect, job, mirrored).await
    }

    /// A linked application that the mirror has forgotten, or was told is gone. One that `was_gone` may be back: out of
    /// a confidential job, say. Then so is its person, whom we may have forgotten with it.
    async fn relearn(
        &self,
        id: &ApplicationId,
        job: &AshbyJobId,
        was_gone: bool,
    ) -> Result<Person, SyncError> {
        let looked = look::look_at(self.sync, self.connection, &self.ashby, id).await?;
        if looked.is_none() {
            return Ok(Person::Gone);
        }
        let again = store::mirror::applications(
            &self.sync.pool,
            self.connection,
            std::slice::from_ref(&id.0),
            &[],
        );
        let Some(known) = again.await?.pop() else {
            return Ok(Person::Gone);
        };
        if was_gone {
            look::recognise(self.sync, self.connection, &self.ashby, &known.candidate).await?;
        }
        Ok(linked(&known, job))
    }

    async fn by_identity(
        &self,
        prospect: &Prospect,
        job: &AshbyJobId,
        mirrored: &Mirrored,
    ) -> Result<Person, SyncError> {
        let (Known::Current | Known::Stale) = self.picture.candidates else {
            let Known::Learning { read } = self.picture.candidates else {
                unreachable!("the other two are above")
            };
            return Ok(Person::Learning { read });
        };
        let keys = mirrored
            .keys
            .get(&prospect.id)
            .map_or(&[][..], Vec::as_slice);
        let mut matches: Vec<CandidateId> = keys
            .iter()
            .filter_map(|key| mirrored.who.get(key))
            .flatten()
            .cloned()
            .collect();
        if self.picture.candidates == Known::Stale {
            // A pass over the candidates that was started over is still under way.
            let keys = identity::keys(&prospect.says.contact);
            let people = look::search(&self.ashby, &keys).await?;
            matches.extend(people.into_iter().map(|person| person.id));
        }
        matches.sort();
        matches.dedup();
        if matches.len() > 1 {
            matches = self.still_there(matches).await?;
        }
        match matches.len() {
            0 => {
                let in_doubt = keys.iter().find_map(|key| mirrored.doubtful.get(key));
                Ok(in_doubt.cloned().unwrap_or(Person::Nobody))
            }
            1 => self.known(matches.remove(0), job, mirrored).await,
            _ => Ok(Person::Several(matches)),
        }
    }

    /// Somebody whom Ashby knows, with their application for the job. While not every application has been read, theirs
    /// are looked at singly: one that we have not seen yet must not be made a second time.
    async fn known(
        &self,
        candidate: CandidateId,
        job: &AshbyJobId,
        mirrored: &Mirrored,
    ) -> Result<Person, SyncError> {
        let application = open_application(mirrored.applications.values(), &candidate, job);
        if application.is_some() || self.picture.applications == Known::Current {
            return Ok(found(candidate, application));
        }
        let ids = match self.ashby.candidate_info(&candidate).await {
            Ok(person) => person.application_ids,
            Err(error) if error.is_not_found() => return Ok(Person::Gone),
            Err(error) => return Err(error.into()),
        };
        for id in &ids {
            look::look_at(self.sync, self.connection, &self.ashby, id).await?;
        }
        let people = std::slice::from_ref(&candidate.0);
        let theirs =
            store::mirror::applications(&self.sync.pool, self.connection, &[], people).await?;
        let application = open_application(theirs.iter(), &candidate, job);
        Ok(found(candidate, application))
    }

    /// Of several matches, those that Ashby still has: its lists say nothing of those that a merge has ended.
    async fn still_there(&self, matches: Vec<CandidateId>) -> Result<Vec<CandidateId>, SyncError> {
        let mut there = Vec::new();
        for candidate in matches {
            match self.ashby.candidate_info(&candidate).await {
                // A merged candidate may answer as the survivor.
                Ok(person) => there.push(person.id),
                Err(error) if error.is_not_found() => {
                    let gone = [candidate.0];
                    store::mirror::forget_candidates(&self.sync.pool, self.connection, &gone)
                        .await?;
                }
                Err(error) => return Err(error.into()),
            }
        }
        there.sort();
        there.dedup();
        Ok(there)
    }
}

/// Somebody of whom Ashby did not tell waits by themselves; nobody else has to. What is wrong with the key concerns all.
fn or_untold(person: Result<Person, SyncError>) -> Result<Person, SyncError> {
    match person {
        Err(SyncError::Ashby(error)) => untold(error).map(Person::Untold),
        person => person,
    }
}

/// How Ashby did not tell; the error where that is about more than what was asked.
pub(super) fn untold(error: AshbyError) -> Result<Untold, SyncError> {
    match error.disposition() {
        Disposition::Transient | Disposition::InDoubt => Ok(Untold::Unanswered {
            what: error.to_string(),
        }),
        Disposition::Permanent => Ok(Untold::Refused {
            code: error.code.unwrap_or_else(|| "no code".to_owned()),
            message: error.message,
            request_id: error.request_id,
        }),
        Disposition::Key { .. } | Disposition::Withheld => Err(error.into()),
    }
}

/// The application that a prospect is linked to.
fn linked(known: &store::mirror::Known, job: &AshbyJobId) -> Person {
    match &known.application {
        _ if known.job != *job => Person::Transferred,
        Some(application) => Person::Linked(application.clone()),
        None => unclear(known),
    }
}

/// Somebody whom Ashby knows, and their application for the job.
fn found(candidate: CandidateId, known: Option<&store::mirror::Known>) -> Person {
    match known {
        Some(known) if known.application.is_none() => unclear(known),
        known => Person::Found {
            candidate,
            application: known.and_then(|known| known.application.clone()),
        },
    }
}

fn unclear(known: &store::mirror::Known) -> Person {
    Person::Unclear {
        candidate: known.candidate.clone(),
        application: known.id.clone(),
    }
}

/// Of a candidate's applications for a job, the one that is still open, else the last that there is. One in a status
/// that we do not know may be open.
fn open_application<'a>(
    all: impl Iterator<Item = &'a store::mirror::Known>,
    candidate: &CandidateId,
    job: &AshbyJobId,
) -> Option<&'a store::mirror::Known> {
    let openness = |known: &store::mirror::Known| match &known.application {
        None => 2,
        Some(application) => match application.status {
            ApplicationStatus::Lead | ApplicationStatus::Active => 3,
            ApplicationStatus::Hired => 1,
            ApplicationStatus::Archived => 0,
        },
    };
    all.filter(|known| !known.gone && known.candidate == *candidate && known.job == *job)
        .max_by(|a, b| (openness(a), &a.id).cmp(&(openness(b), &b.id)))
}
