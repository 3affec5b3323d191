use super::*;

fn wanted(query: &str, last_event: Option<&str>) -> Result<Subscribe, String> {
    let query = web::Query::<Query>::from_query(query).map_err(|error| error.to_string())?;
    query.into_inner().subscribe(last_event)
}

#[test]
fn the_address_says_what_a_socket_would_ask_for() {
    let query = "venue=demo&camera=entrance,north/exit&class=person,car&confidence=0.5&empty=false&backlog=false\
                 &max_rate=2.5&since=OLD&filter=%7B%22not%22%3A%7B%22class%22%3A%7B%22in%22%3A%5B%22dog%22%5D%7D%7D%7D";
    let filter = json!({"and": [
        {"camera": {"in": ["entrance", "north/exit"]}},
        {"class": {"in": ["person", "car"]}},
        {"confidence": {"min": 0.5}},
        {"not": {"class": {"in": ["dog"]}}},
    ]});
    let expected = Subscribe {
        id: ID.to_owned(),
        venue: "demo".to_owned(),
        filter: Some(filter),
        empty: false,
        backlog: false,
        since: Some("OLD".to_owned()),
        max_rate: Some(2.5),
    };
    assert_eq!(wanted(query, None), Ok(expected));
    let plain = wanted("venue=demo", None).unwrap();
    assert_eq!((plain.filter, plain.empty, plain.backlog), (None, true, true));
}

#[test]
fn where_the_stream_broke_off_counts_more_than_where_it_began() {
    let since = |query, last_event| wanted(query, last_event).unwrap().since;
    assert_eq!(since("venue=demo&since=OLD", Some("NEW")).as_deref(), Some("NEW"));
    assert_eq!(since("venue=demo", Some("NEW")).as_deref(), Some("NEW"));
    assert_eq!(since("venue=demo", None), None);
}

#[test]
fn what_is_misspelt_is_refused() {
    for query in [
        "",
        "camera=entrance",
        "venue=demo&cameras=entrance",
        "venue=demo&confidence=high",
        "venue=demo&empty=maybe",
        "venue=demo&filter=person",
        "venue=demo&venue=hall",
    ] {
        assert!(wanted(query, None).is_err(), "{query}");
    }
}

#[test]
fn a_stream_is_wanted_by_who_accepts_one() {
    let wanted = |accept: &str| {
        is_wanted(
            &actix_web::test::TestRequest::default()
                .insert_header(("accept", accept))
                .to_http_request(),
        )
    };
    for accept in ["text/event-stream", "application/json, Text/Event-Stream;q=0.9"] {
        assert!(wanted(accept), "{accept}");
    }
    for accept in ["*/*", "text/html", "text/event-streams"] {
        assert!(!wanted(accept), "{accept}");
    }
}
