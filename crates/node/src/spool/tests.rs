//! The spool as a whole: what one process wrote, the next one finds.

use std::fs;
use std::path::Path;

use tempfile::TempDir;

use super::*;
use crate::batch::Batch;
use crate::wire::Frame;

fn options(folder: &TempDir, size: ByteSize) -> SpoolOptions {
    SpoolOptions {
        folder: folder.path().join("spool"),
        size,
        sync: SyncPolicy::Always,
    }
}

/// A spool that does not sync each batch.
fn open_unsynced(folder: &TempDir) -> Result<Spool, SpoolError> {
    let sync = SyncPolicy::Interval;
    let options = options(folder, ByteSize::mib(1));
    Spool::open(SpoolOptions { sync, ..options }).map(|(spool, _)| spool)
}

/// Changes what the file says of the last process.
fn pretend_a_power_cut(state: &Path) {
    let mut text: serde_json::Value = serde_json::from_slice(&fs::read(state).unwrap()).unwrap();
    text["session"]["boot"] = "another".into();
    fs::write(state, text.to_string()).unwrap();
}

fn open(folder: &TempDir) -> Spool {
    Spool::open(options(folder, ByteSize::mib(1))).unwrap().0
}

/// A batch of one frame, sealed for the place it gets.
fn sealed(spool: &Spool, camera: &str) -> Sealed {
    let mut batch = Batch::new(vec![Frame {
        camera: camera.to_owned(),
        frame: None,
        captured_at: Timestamp::UNIX_EPOCH,
        width: None,
        height: None,
        detections: vec![],
    }]);
    batch.position = Some(spool.position());
    Sealed::new(&batch, usize::MAX)
}

fn append(spool: &mut Spool, camera: &str) -> u64 {
    let sealed = sealed(spool, camera);
    spool.append(sealed, 0, Some(&BTreeMap::new())).unwrap().0
}

fn all(spool: &mut Spool) -> Vec<Sealed> {
    let tickets: Vec<u64> = spool.waiting().map(|(ticket, _)| ticket).collect();
    tickets
        .into_iter()
        .map(|ticket| spool.load(ticket).unwrap().unwrap())
        .collect()
}

fn seqs(spool: &mut Spool) -> Vec<u64> {
    let batches = all(spool);
    batches
        .iter()
        .map(|sealed| sealed.open().unwrap().position.unwrap().seq)
        .collect()
}

fn segments(folder: &TempDir) -> Vec<u64> {
    segment::list(&folder.path().join("spool")).unwrap()
}

fn size(folder: &Path) -> u64 {
    fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.path().extension().is_some_and(|extension| extension == "segment"))
        .map(|entry| entry.metadata().unwrap().len())
        .sum()
}

#[test]
fn the_next_process_finds_the_same_bytes_and_goes_on_counting() {
    let folder = TempDir::new().unwrap();
    let mut spool = open(&folder);
    let start = spool.position();
    let first = sealed(&spool, "a");
    spool.append(first.clone(), 11, Some(&BTreeMap::new())).unwrap();
    let second = sealed(&spool, "b");
    let (ticket, _) = spool.append(second, 22, Some(&BTreeMap::new())).unwrap();
    spool.done(ticket).unwrap();
    // No goodbye: as if it had been killed.
    drop(spool);

    let mut spool = open(&folder);
    assert_eq!(all(&mut spool), [first]);
    let expected = Position {
        stream: start.stream,
        seq: 2,
    };
    assert_eq!((spool.position(), spool.progress()), (expected, 22));
}

#[test]
fn the_number_goes_on_when_everything_is_delivered() {
    let folder = TempDir::new().unwrap();
    let mut spool = open(&folder);
    let stream = spool.position().stream;
    for _ in 0..3000 {
        let ticket = append(&mut spool, "a-camera-with-a-rather-long-name-that-fills-segments-fast");
        spool.done(ticket).unwrap();
    }
    assert_eq!(segments(&folder).len(), 1);
    drop(spool);
    let spool = open(&folder);
    assert!(spool.is_empty());
    assert_eq!(spool.position(), Position { stream, seq: 3000 });
}

#[test]
fn two_processes_cannot_have_the_same_spool() {
    let folder = TempDir::new().unwrap();
    let spool = open(&folder);
    let second = Spool::open(options(&folder, ByteSize::mib(1)));
    assert!(matches!(second, Err(SpoolError::Locked(_))));
    drop(spool);
    open(&folder);
}

#[test]
fn a_torn_tail_is_left_out_and_its_number_is_not_given_again() {
    let folder = TempDir::new().unwrap();
    let mut spool = open(&folder);
    for camera in ["a", "b", "c"] {
        append(&mut spool, camera);
    }
    let stream = spool.position().stream;
    drop(spool);
    let path = segment::segment_path(&folder.path().join("spool"), segments(&folder)[0]);
    let whole = fs::read(&path).unwrap();
    // The third was being written when the power went; or it was sent, and the disk is bad.
    fs::write(&path, &whole[..whole.len() - 5]).unwrap();

    let (mut spool, notes) = Spool::open(options(&folder, ByteSize::mib(1))).unwrap();
    assert_eq!(seqs(&mut spool), [0, 1]);
    assert_eq!((spool.position().stream == stream, spool.position().seq), (false, 0));
    assert!(notes[0].contains("not a whole batch"), "{notes:?}");
    append(&mut spool, "d");
    drop(spool);
    assert_eq!(seqs(&mut open(&folder)), [0, 1, 0]);
}

#[test]
fn a_number_that_is_settled_is_not_given_again_though_its_batch_is_gone() {
    let folder = TempDir::new().unwrap();
    let mut spool = open(&folder);
    let before = spool.position();
    append(&mut spool, "a");
    let path = segment::segment_path(&folder.path().join("spool"), 1);
    let first = fs::metadata(&path).unwrap().len();
    let ticket = append(&mut spool, "b");
    spool.done(ticket).unwrap();
    drop(spool);
    File::options().write(true).open(&path).unwrap().set_len(first).unwrap();

    let mut spool = open(&folder);
    assert_ne!(spool.position().stream, before.stream);
    let ticket = append(&mut spool, "c");
    drop(spool);
    assert!(
        open(&folder).get(ticket).is_some(),
        "the old list does not count for it"
    );
}

#[test]
fn whoever_is_stopped_while_opening_does_not_hide_a_power_cut_from_the_next() {
    let folder = TempDir::new().unwrap();
    let state = folder.path().join("spool/state.json");
    // Either file cannot be written: the new segment, or what the new process says of itself.
    for blocked in ["00000002.new", "state.new"] {
        let mut spool = open_unsynced(&folder).unwrap();
        let before = spool.position();
        append(&mut spool, "a");
        drop(spool);
        pretend_a_power_cut(&state);
        let blocked = folder.path().join("spool").join(blocked);
        fs::create_dir(&blocked).unwrap();
        assert!(matches!(open_unsynced(&folder), Err(SpoolError::Io { .. })));
        fs::remove_dir(&blocked).unwrap();
        let spool = open_unsynced(&folder).unwrap();
        assert_ne!(spool.position().stream, before.stream, "{}", blocked.display());
    }
    assert_eq!(seqs(&mut open(&folder)), [0, 0]);
}

#[test]
fn a_list_without_a_segment_settles_nothing_of_a_new_one() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("spool");
    fs::create_dir(&path).unwrap();
    segment::mark_done(&path, 1, 0).unwrap();
    let mut spool = open(&folder);
    append(&mut spool, "a");
    drop(spool);
    assert_eq!((segments(&folder), seqs(&mut open(&folder))), (vec![1], vec![0]));
}

#[test]
fn what_the_disk_does_not_give_back_is_set_aside() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("spool");
    let mut spool = open(&folder);
    let before = spool.position();
    append(&mut spool, "a");
    spool.rotate().unwrap();
    append(&mut spool, "b");
    drop(spool);
    // A folder can be opened, and reading it fails, as a bad sector does.
    let oldest = segment::segment_path(&path, 1);
    fs::remove_file(&oldest).unwrap();
    fs::create_dir(&oldest).unwrap();
    fs::remove_file(path.join("state.json")).unwrap();
    fs::create_dir(path.join("state.json")).unwrap();

    let (mut spool, notes) = Spool::open(options(&folder, ByteSize::mib(1))).unwrap();
    assert_ne!(spool.position().stream, before.stream);
    assert_eq!(seqs(&mut spool), [1]);
    assert!(
        notes.iter().any(|note| note.contains("state.json cannot be read")),
        "{notes:?}"
    );
    assert!(path.join("00000001.damaged").exists() && path.join("state.damaged").exists());
    drop(spool);
    fs::remove_dir(path.join("state.damaged")).unwrap();
    fs::write(path.join("state.json"), "{").unwrap();
    assert_eq!(seqs(&mut open(&folder)), [1], "nor is half a file in the way");
}

#[test]
fn a_full_disk_ends_nothing_that_can_go_on() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("spool");
    let mut spool = open(&folder);
    let [first, second] = [append(&mut spool, "a"), append(&mut spool, "b")];
    for list in ["00000001.done", "state.new"] {
        std::os::unix::fs::symlink("/dev/full", path.join(list)).unwrap();
    }
    assert!(disk_is_full(&spool.done(first).unwrap_err()));
    assert!(spool.get(first).is_none(), "it is not sent again");
    assert!(spool.load(second).unwrap().is_some());
    assert!(disk_is_full(&spool.close().unwrap_err()));
    drop(spool);
    fs::remove_file(path.join("00000001.done")).unwrap();

    assert!(matches!(open_unsynced(&folder), Err(SpoolError::Io { source, .. }) if disk_is_full(&source)));
    assert_eq!(segments(&folder), [1], "the only one is not dropped");
    fs::remove_file(path.join("state.new")).unwrap();
    assert_eq!(
        seqs(&mut open(&folder)),
        [0, 1],
        "the next process knows nothing of the answer"
    );
}

#[test]
fn a_disk_that_is_full_at_the_start_costs_the_oldest_segment_and_no_more() {
    let folder = TempDir::new().unwrap();
    let mut spool = open(&folder);
    for camera in ["a", "b", "c"] {
        append(&mut spool, camera);
        spool.rotate().unwrap();
    }
    drop(spool);
    let state = folder.path().join("spool/state.new");
    std::os::unix::fs::symlink("/dev/full", &state).unwrap();
    assert!(Spool::open(options(&folder, ByteSize::mib(1))).is_err());
    fs::remove_file(&state).unwrap();
    assert_eq!(seqs(&mut open(&folder)), [1, 2]);
}

#[test]
fn a_full_spool_drops_the_oldest_and_counts_them() {
    let folder = TempDir::new().unwrap();
    let limit = ByteSize::kib(64);
    let (mut spool, _) = Spool::open(options(&folder, limit)).unwrap();
    let mut dropped = Count::default();
    for _ in 0..2000 {
        let batch = sealed(&spool, "entrance");
        dropped.add(spool.append(batch, 0, Some(&BTreeMap::new())).unwrap().1);
        assert!(size(&folder.path().join("spool")) <= limit.as_u64());
    }
    let left = seqs(&mut spool);
    assert!(dropped.batches > 1000, "{dropped}");
    assert_eq!(
        left,
        (dropped.batches..2000).collect::<Vec<u64>>(),
        "the newest, without a gap"
    );
    assert_eq!(spool.losses().dropped, dropped);
    drop(spool);

    let status = Status::read(&folder.path().join("spool")).unwrap();
    assert_eq!(
        (status.losses.dropped, status.waiting.batches),
        (dropped, 2000 - dropped.batches)
    );
    let (mut spool, _) = Spool::open(options(&folder, limit)).unwrap();
    assert_eq!((spool.losses().dropped, seqs(&mut spool)), (dropped, left));
}

#[test]
fn where_nothing_may_be_dropped_nothing_is() {
    let folder = TempDir::new().unwrap();
    let (mut spool, _) = Spool::open(options(&folder, ByteSize::kib(64))).unwrap();
    let mut added = 0;
    while !spool.is_full() {
        let batch = sealed(&spool, "entrance");
        spool.append(batch, 0, None).unwrap();
        added += 1;
    }
    // Larger than what is kept free.
    let batch = sealed(&spool, &"x".repeat(20_000));
    assert_eq!(spool.append(batch, 0, None).unwrap().1, Count::default());
    assert_eq!((spool.len(), spool.losses().dropped), (added + 1, Count::default()));
}

#[test]
fn what_is_on_its_way_is_not_counted_as_dropped() {
    let folder = TempDir::new().unwrap();
    let (mut spool, _) = Spool::open(options(&folder, ByteSize::kib(64))).unwrap();
    let on_its_way = append(&mut spool, "entrance");
    let mut dropped = 0;
    while spool.get(on_its_way).is_some() {
        let batch = sealed(&spool, "entrance");
        dropped += spool
            .append(batch, 0, Some(&BTreeMap::from([(on_its_way, Count::default())])))
            .unwrap()
            .1
            .batches;
    }
    assert_eq!(spool.position().seq, spool.len() as u64 + dropped + 1);
    spool.done(on_its_way).unwrap();
}

#[test]
fn a_crash_between_counting_and_deleting_does_not_count_twice() {
    let folder = TempDir::new().unwrap();
    let mut spool = open(&folder);
    append(&mut spool, "a");
    let oldest = segments(&folder)[0];
    let path = segment::segment_path(&folder.path().join("spool"), oldest);
    let bytes = fs::read(&path).unwrap();
    spool.rotate().unwrap();
    append(&mut spool, "b");
    spool.drop_oldest(&BTreeMap::new()).unwrap();
    assert_eq!(spool.take_untold().batches, 1);
    drop(spool);
    fs::write(&path, bytes).unwrap();

    let mut spool = open(&folder);
    assert_eq!((seqs(&mut spool), spool.losses().dropped.batches), (vec![1], 1));
    assert!(!path.exists());
}

#[test]
fn when_it_is_not_sure_what_was_sent_there_is_a_new_stream() {
    let folder = TempDir::new().unwrap();
    let mut spool = open(&folder);
    append(&mut spool, "a");
    let before = spool.position();
    spool.rotate().unwrap();
    drop(spool);
    let newest = *segments(&folder).last().unwrap();
    fs::write(segment::segment_path(&folder.path().join("spool"), newest), b"CTSPOOL").unwrap();

    let mut spool = open(&folder);
    assert_ne!(spool.position().stream, before.stream);
    assert_eq!(spool.position().seq, 0);
    assert_eq!(seqs(&mut spool), [0], "what could be read is sent, in its own stream");
    assert!(folder.path().join(format!("spool/{newest:08}.damaged")).exists());
}

#[test]
fn a_damaged_batch_is_counted_as_dropped_when_its_turn_comes() {
    let folder = TempDir::new().unwrap();
    let mut spool = open(&folder);
    let ticket = append(&mut spool, "a");
    let path = segment::segment_path(&folder.path().join("spool"), segments(&folder)[0]);
    let mut bytes = fs::read(&path).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(&path, bytes).unwrap();
    assert_eq!(spool.load(ticket).unwrap(), None);
    assert_eq!((spool.losses().dropped.batches, spool.len()), (1, 0));
    // Nor does a bad sector end anything.
    let ticket = append(&mut spool, "b");
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    assert_eq!(spool.load(ticket).unwrap(), None);
    assert_eq!((spool.losses().dropped.batches, spool.len()), (2, 0));
}

#[test]
fn refused_batches_are_kept_for_a_person_up_to_a_limit() {
    let folder = TempDir::new().unwrap();
    let spool = open(&folder);
    let batch = sealed(&spool, &"a".repeat(60_000));
    for _ in 0..60 {
        spool
            .keep_refused(&batch, "no such class", Timestamp::UNIX_EPOCH)
            .unwrap();
    }
    let read = |name: &str| fs::read_to_string(folder.path().join("spool").join(name)).unwrap();
    let (newer, older) = (read("refused.jsonl"), read("refused.1.jsonl"));
    assert!(newer.len() + older.len() < 3 << 20);
    let line: serde_json::Value = serde_json::from_str(newer.lines().next().unwrap()).unwrap();
    assert_eq!(
        (&line["reason"], &line["batch"]["frames"][0]["detections"]),
        (&"no such class".into(), &serde_json::json!([]))
    );
}

#[test]
fn a_replay_is_remembered() {
    let folder = TempDir::new().unwrap();
    let mark = ReplayMark {
        fingerprint: "x".to_owned(),
        origin: 5,
        start: Timestamp::UNIX_EPOCH,
    };
    let mut spool = open(&folder);
    spool.set_replay(mark.clone()).unwrap();
    drop(spool);
    assert_eq!(open(&folder).replay(), Some(&mark));
}

proptest::proptest! {
    #![proptest_config(proptest::test_runner::Config::with_cases(40))]

    /// A model: batches are added and done with in any order, and the process ends at any time.
    #[test]
    fn nothing_is_lost_and_no_number_given_twice(steps in proptest::collection::vec((0..4_u8, proptest::prelude::any::<proptest::sample::Index>()), 1..150)) {
        let folder = TempDir::new().unwrap();
        let mut spool = open(&folder);
        let mut expected: Vec<u64> = Vec::new();
        let mut next = 0;
        for (step, which) in steps {
            match step {
                0 => {
                    drop(spool);
                    spool = open(&folder);
                }
                1 if !expected.is_empty() => {
                    let which = which.index(expected.len());
                    let ticket = spool.waiting().nth(which).unwrap().0;
                    spool.done(ticket).unwrap();
                    expected.remove(which);
                }
                2 => spool.rotate().unwrap(),
                _ => {
                    append(&mut spool, "a");
                    expected.push(next);
                    next += 1;
                }
            }
            proptest::prop_assert_eq!(spool.position().seq, next);
        }
        proptest::prop_assert_eq!(seqs(&mut spool), expected);
    }
}
