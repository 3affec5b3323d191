use super::*;
use crate::fixtures::{data, live_frame, metrics, outbox, slug, stamp, subscription};

fn output(pieces: &[(&'static str, bool)]) -> Output {
    let mut output = Output::default();
    for (piece, is_frame) in pieces {
        output.push(Bytes::from_static(piece.as_bytes()), *is_frame);
    }
    output
}

/// What would be written next, in one.
fn next(output: &mut Output) -> String {
    let mut slices = [IoSlice::new(&[]); PIECES];
    let count = output.slices(&mut slices);
    let bytes: Vec<u8> = slices[..count].iter().flat_map(|slice| slice.to_vec()).collect();
    String::from_utf8(bytes).unwrap()
}

/// `count` frames that somebody missed who stands at the first message, all of one epoch.
fn replay(count: u64) -> Replay {
    let mut position = Position::default();
    position.advance(stamp(7, 1), 0, true);
    let missed: Vec<_> = (2..2 + count)
        .map(|seq| live_frame("entrance", stamp(7, seq)))
        .collect();
    Replay {
        subscription: Arc::new(subscription(1, &outbox(10))),
        position,
        missed: missed.into_iter(),
        encoded: metrics().encoded,
    }
}

#[test]
fn what_was_written_in_part_goes_on_where_it_stopped() {
    let mut output = output(&[("hello", false), ("frame", true), ("next", true)]);
    assert_eq!(output.written(3), 0);
    assert_eq!(next(&mut output), "loframenext");
    assert_eq!(output.written(4), 0);
    assert_eq!(output.written(3), 1, "now the frame is complete");
    assert_eq!(output.written(4), 1);
    assert!(output.is_empty() && next(&mut output).is_empty());
}

#[test]
fn one_write_may_complete_several_frames() {
    let mut output = output(&[("hello", false), ("frame", true), ("next", true)]);
    assert_eq!(output.written(14), 2);
    assert!(output.is_empty());
}

#[test]
fn a_piece_that_was_begun_is_to_be_finished_and_no_other() {
    let mut output = output(&[("first", true), ("second", true)]);
    assert_eq!(output.take_begun(), None, "nothing was written yet");
    output.written(5);
    assert_eq!(output.take_begun(), None, "the first is complete, the second not begun");
    output.written(2);
    assert_eq!(output.take_begun(), Some(Bytes::from_static(b"cond")));
}

#[test]
fn at_most_so_many_pieces_are_written_at_once() {
    let mut output = Output::default();
    for _ in 0..PIECES + 5 {
        output.push(Bytes::from_static(b"x"), true);
    }
    assert_eq!(next(&mut output).len(), PIECES);
    assert_eq!(output.written(PIECES), PIECES as u64);
    assert_eq!(next(&mut output).len(), 5);
}

#[test]
fn a_replay_comes_whole_at_its_place_with_the_cursors_of_this_viewer() {
    let mut output = output(&[("subscribed", false)]);
    let count = 2 * AT_ONCE as u64 + 1;
    output.push_replay(replay(count));
    output.push(Bytes::from_static(b"live"), true);
    assert_eq!(output.pop().unwrap().0, "subscribed");
    for seq in 2..2 + count {
        let (event, is_frame) = output.pop().unwrap();
        let event = data(&event);
        let cursor = Position::parse(event["cursor"].as_str().unwrap(), &slug("demo")).unwrap();
        assert!(is_frame);
        assert!(cursor.includes(stamp(7, seq), 0) && !cursor.includes(stamp(7, seq + 1), 0));
        assert_eq!(event["camera"], "entrance");
    }
    assert_eq!(output.pop().unwrap().0, "live");
    assert!(output.pop().is_none());
}

#[test]
fn a_replay_is_made_ready_when_its_turn_comes() {
    let mut output = output(&[("subscribed", false)]);
    let replay = replay(AT_ONCE as u64);
    let encoded = replay.encoded.clone();
    output.push_replay(replay);
    assert_eq!(next(&mut output), "subscribed");
    assert_eq!(encoded.get(), 0);
    output.written("subscribed".len());
    assert_eq!(next(&mut output).matches("event: frame").count(), AT_ONCE);
    assert_eq!(encoded.get(), AT_ONCE as u64);
}

#[test]
fn a_replay_in_which_nothing_is_wanted_hides_nothing_behind_it() {
    let mut output = Output::default();
    let mut nothing = replay(3);
    let mut unwanting = subscription(1, &outbox(10));
    unwanting.wish.filter = crate::filter::tests::filter(&["exit"], &[]).unwrap();
    nothing.subscription = Arc::new(unwanting);
    output.push_replay(nothing);
    output.push(Bytes::from_static(b"live"), true);
    assert_eq!(next(&mut output), "live");
}
