//! Rules 1 to 7, 12 and 13 as tables: who is created, and what keeps somebody from it.

use super::world::{World, at, dated, decide, default_plan, world};
use crate::plan::{
    CandidateRef, NewPerson, Step, plan,
    says::{Contact, Dated, Location, Stamp},
    situation::{Creation, Openness, Person, Registration, SourceSetup, Untold},
};

#[test]
fn rule_1_words_that_nobody_knows_are_parked_and_never_guessed() {
    let linked = world().linked("new");
    decide! {
        world() => "none no-stage-yet skipped";
        linked.clone() => "none no-stage-yet skipped";
        world().says("dreaming", "") => "none unknown-stage parked";
        linked.clone().says("dreaming", "active") => "none unknown-stage parked";
        linked.clone().says("replied", "lost") => "none unknown-status parked";
        linked.clone().says("dreaming", "lost") => "none unknown-status parked";
        // The next word that is known goes on by itself, and a departure needs no stage.
        linked.clone().says_at(1, "dreaming", "").says_at(2, "replied", "") => "move moved-forward acted -> replied";
        linked.clone().says_at(1, "replied", "lost").says_at(2, "", "active") => "move moved-forward acted -> replied";
        linked.says("dreaming", "withdrew") => "archive withdrew-in-dover acted -> archived";
    }
}

#[test]
fn rule_2_a_job_must_be_registered_open_and_visible() {
    let linked = world().linked("new").says("replied", "");
    let closed = |status: &str| Openness::Closed(status.to_owned());
    decide! {
        linked.clone().registration(Registration::Unknown) => "none job-not-registered parked";
        world().registration(Registration::Unknown) => "none job-not-registered parked";
        linked.clone().openness(closed("Closed")) => "none job-not-open parked";
        linked.clone().openness(closed("Draft")) => "none job-not-open parked";
        linked.clone().openness(Openness::NotVisible) => "none job-not-visible parked";
        linked.clone().says_at(200, "", "rejected").openness(closed("Closed")) => "none job-not-open parked";
        linked => "move moved-forward acted -> replied";
    }
}

#[test]
fn rules_3_5_and_13_who_the_person_is_in_ashby() {
    let said = world().says("replied", "");
    let several = Person::Several(vec!["ada".into(), "ada-2".into()]);
    decide! {
        said.clone() => "create created acted -> replied";
        said.clone().found() => "create created acted -> replied";
        said.clone().found_in("new") => "move moved-forward acted -> replied";
        said.clone().linked("new") => "move moved-forward acted -> replied";
        said.clone().person(several.clone()) => "none ambiguous-identity parked";
        said.clone().person(Person::Gone) => "none gone-from-ashby parked";
        said.clone().person(Person::Transferred) => "none transferred-in-ashby skipped";
        said.clone().person(Person::Untold(Untold::Unanswered { what: "away".to_owned() })) => "none ashby-unavailable retried";
        said.clone().person(Person::Untold(Untold::Refused { code: "no".to_owned(), message: String::new(), request_id: None })) => "none refused-by-ashby parked";
        said.clone().person(Person::Learning { read: 700 }) => "none learning-ashby parked";
        said.clone().person(Person::InDoubt { since: at(90) }) => "none create-in-doubt parked";
        said.clone().person(Person::Undecided { since: at(90), creation: Creation::Application, took_long: true }) => "none create-undecided parked";
        // Whether there is anything to archive is not known before the person is.
        said.clone().says_at(200, "", "withdrew").person(several) => "none ambiguous-identity parked";
        said.clone().says_at(200, "", "withdrew").person(Person::Gone) => "none gone-from-ashby parked";
        said.says_at(200, "", "withdrew").person(Person::Learning { read: 0 }) => "none learning-ashby parked";
    }
}

#[test]
fn rule_6_what_is_over_before_it_began_is_not_created() {
    decide! {
        world().says("replied", "withdrew") => "none nothing-to-archive skipped";
        world().says("", "rejected") => "none nothing-to-archive skipped";
        world().found().says("", "rejected") => "none nothing-to-archive skipped";
        world().says("replied", "hired") => "none held-status skipped";
        world().says("", "snoozed") => "none held-status skipped";
        world().found().says("", "not_interested") => "none held-status skipped";
        world().says_at(1, "replied", "snoozed").says_at(2, "", "active") => "create created acted -> replied";
    }
}

#[test]
fn rule_7_a_person_who_has_to_be_created_needs_a_name_and_an_address() {
    let said = world().says("replied", "");
    let with = |change: fn(&mut Contact)| said.clone().contact(change);
    decide! {
        with(|who| who.name = None) => "none mandatory-field-missing parked";
        with(|who| who.name = Some(dated("  "))) => "none mandatory-field-missing parked";
        with(|who| who.email = None) => "none mandatory-field-missing parked";
        with(|who| who.email = Some(dated(" "))) => "none mandatory-field-missing parked";
        with(|who| (who.email, who.linkedin_url) = (None, Some(dated("linkedin.com/company/dover")))) => "none mandatory-field-missing parked";
        with(|who| (who.email, who.linkedin_url) = (None, Some(dated("linkedin.com/in/ada")))) => "create created acted -> replied";
        // Somebody who is known needs neither.
        with(|who| *who = Contact::default()).found() => "create created acted -> replied";
        with(|who| *who = Contact::default()).linked("new") => "move moved-forward acted -> replied";
        // A status without a stage counts as a new lead.
        world().says("", "active") => "create created acted -> new";
    }
}

#[test]
fn rule_7_a_new_person_takes_two_writes_and_a_known_one_takes_one() {
    let said = world().says("replied", "");
    let new = plan(&said.situation).steps;
    let [
        Step::CreateCandidate {
            source: of_person, ..
        },
        Step::CreateApplication {
            candidate,
            job,
            source,
            ..
        },
    ] = &new[..]
    else {
        panic!("{new:?}")
    };
    assert_eq!((of_person, source), (&"dover".into(), &"dover".into()));
    assert_eq!(job, &"job".into());
    assert_eq!(candidate, &CandidateRef::JustCreated);
    let known = plan(&said.found().situation).steps;
    let [Step::CreateApplication { candidate, .. }] = &known[..] else {
        panic!("{known:?}")
    };
    assert_eq!(candidate, &CandidateRef::Known("ada".into()));
}

fn created(world: &World) -> NewPerson {
    let steps = plan(&world.situation).steps;
    let Some(Step::CreateCandidate { person, .. }) = steps.into_iter().next() else {
        panic!("nobody was created")
    };
    person
}

#[test]
fn rule_7_a_new_person_is_written_in_forms_that_ashby_takes() {
    let stamp = Stamp::new(at(0), at(0), 1);
    let person = created(&world().says("replied", "").contact(|who| {
        who.name = Some(dated(" Ada Lovelace "));
        who.email = Some(dated(" Ada@Example.com "));
        who.phone = Some(dated("+44 20 7946 0000"));
        who.linkedin_url = Some(dated("uk.linkedin.com/in/Ada-Lovelace/?trk=x"));
        let urls = [
            ("GitHub", "github.com/ada"),
            ("website", "not a site"),
            ("other", "https://x.example"),
        ];
        let urls = urls.map(|(site, url)| (site.to_owned(), url.to_owned()));
        who.social_urls = Some(Dated::new(urls.into(), stamp));
        let city = Some("London".to_owned());
        who.location = Some(Dated::new(
            Location {
                city,
                ..Location::default()
            },
            stamp,
        ));
    }));
    assert_eq!(person.name, "Ada Lovelace");
    assert_eq!(person.email.as_deref(), Some("Ada@Example.com"));
    assert_eq!(person.phone.as_deref(), Some("+44 20 7946 0000"));
    assert_eq!(
        person.linkedin_url.as_deref(),
        Some("https://www.linkedin.com/in/ada-lovelace")
    );
    assert_eq!(person.github_url.as_deref(), Some("https://github.com/ada"));
    assert_eq!(person.website_url, None);
    assert_eq!(
        person.location.and_then(|place| place.city).as_deref(),
        Some("London")
    );
}

#[test]
fn rule_12_the_source_is_needed_only_where_we_create() {
    let missing = || world().setup(|setup| setup.source = SourceSetup::Missing);
    let several = || world().setup(|setup| setup.source = SourceSetup::Ambiguous);
    decide! {
        missing().says("replied", "") => "none source-missing parked";
        missing().found().says("replied", "") => "none source-missing parked";
        several().says("replied", "") => "none source-ambiguous parked";
        missing().linked("new").says("replied", "") => "move moved-forward acted -> replied";
        several().linked("new").says("", "withdrew") => "archive withdrew-in-dover acted -> archived";
    }
}

#[test]
fn the_first_rule_that_stops_gives_the_reason() {
    let hopeless = world()
        .setup(|setup| setup.source = SourceSetup::Missing)
        .stages(Vec::clear)
        .contact(|who| *who = Contact::default())
        .says("interviewing", "");
    let named = |world: World| {
        world
            .contact(|who| (who.name, who.email) = (Some(dated("Ada")), Some(dated("a@x.example"))))
    };
    decide! {
        hopeless.clone().registration(Registration::Unknown) => "none job-not-registered parked";
        hopeless.clone().openness(Openness::NotVisible) => "none job-not-visible parked";
        hopeless.clone().person(Person::Several(Vec::new())) => "none ambiguous-identity parked";
        hopeless.clone().says_at(200, "", "rejected") => "none nothing-to-archive skipped";
        hopeless.clone() => "none mandatory-field-missing parked";
        named(hopeless.clone()) => "none stage-not-mapped parked";
        named(hopeless.clone()).stages(|stages| *stages = default_plan()) => "none source-missing parked";
        // A linked prospect goes on at rule 8, and what creation needs does not matter to it.
        hopeless.linked("new").applied_at(500) => "none stage-not-mapped parked";
    }
}

#[test]
fn rule_7_every_address_is_given_once_and_none_is_blank() {
    // Dover's primary and further addresses; Ashby's. The first is the primary one, and may be blank.
    let cases = [
        (
            "a@x.example,b@x.example,A@x.example ",
            "a@x.example,b@x.example",
        ),
        (
            "a@x.example,, , b@x.example ,B@X.example",
            "a@x.example,b@x.example",
        ),
        (",b@x.example,c@x.example", "b@x.example,c@x.example"),
        (",  ,b@x.example,b@x.example", "b@x.example"),
        (", ", ""),
    ];
    for (said, given) in cases {
        let (primary, further) = said.split_once(',').expect("a comma in each case");
        let person = created(&world().says("replied", "").contact(|who| {
            who.email = Some(dated(primary));
            let further = further.split(',').map(str::to_owned).collect();
            who.alternate_emails = Some(Dated::new(further, Stamp::new(at(0), at(0), 1)));
            who.linkedin_url = Some(dated("linkedin.com/in/ada"));
        }));
        let addresses: Vec<_> = person
            .email
            .into_iter()
            .chain(person.alternate_emails)
            .collect();
        assert_eq!(addresses.join(","), given, "{said}");
    }
}
