use super::*;

fn about() -> About {
    About {
        camera: None,
        captured_at: "2026-11-22T10:00:00Z".parse().unwrap(),
        frame: None,
        boxes: None,
    }
}

#[tokio::test]
async fn pictures_outlive_the_process_and_only_whole_ones_do() {
    let spool = tempfile::tempdir().unwrap();
    let id = Uuid::now_v7();
    let store = Store::open(spool.path(), 10_000).unwrap();
    store.put(id, &about(), b"a picture").unwrap();
    let half = store.path(Uuid::now_v7()).with_extension("new");
    fs::write(&half, b"half a").unwrap();
    let body = store.load(id).unwrap();
    drop(store);

    let store = Store::open(spool.path(), 10_000).unwrap();
    assert_eq!((store.len(), half.exists()), (1, false));
    assert_eq!(Store::look(spool.path()).unwrap(), (1, body.len() as u64));
    assert_eq!(store.next().await, Some(id));
    store.leave(id);
    assert!(store.is_empty());
    drop(store);

    let store = Store::open(spool.path(), 10_000).unwrap();
    assert_eq!(
        store.next().await,
        Some(id),
        "what this process leaves is the next one's"
    );
    assert_eq!(store.load(id).unwrap(), body);
    store.settle(id).unwrap();
    store.close();
    assert_eq!((store.next().await, Store::look(spool.path()).unwrap()), (None, (0, 0)));
}

#[tokio::test]
async fn the_oldest_makes_room_and_not_the_one_on_its_way() {
    let spool = tempfile::tempdir().unwrap();
    let store = Store::open(spool.path(), 3_000).unwrap();
    let ids = [(); 3].map(|()| Uuid::now_v7());
    assert_eq!(store.put(ids[0], &about(), &[7; 1_000]).unwrap(), 0);
    assert_eq!(store.next().await, Some(ids[0]));
    assert_eq!(store.put(ids[1], &about(), &[7; 1_000]).unwrap(), 0);
    assert!(!store.has_room(1_000));
    assert_eq!(store.put(ids[2], &about(), &[7; 1_000]).unwrap(), 1);
    assert_eq!(ids.map(|id| store.holds(id)), [true, false, true]);
}

#[test]
fn what_cannot_be_kept_costs_no_other() {
    let spool = tempfile::tempdir().unwrap();
    let store = Store::open(spool.path(), 3_000).unwrap();
    let ids = [(); 4].map(|()| Uuid::now_v7());
    store.put(ids[0], &about(), &[7; 1_000]).unwrap();
    store.put(ids[1], &about(), &[7; 1_000]).unwrap();
    let too_large = store.put(ids[2], &about(), &[7; 3_000]).unwrap_err();
    assert_eq!(too_large.kind(), io::ErrorKind::FileTooLarge);
    // A disk that fails, as far as a test can have one: there is no place for the file.
    fs::create_dir(store.path(ids[3])).unwrap();
    assert!(store.put(ids[3], &about(), &[7; 1_000]).is_err());
    assert_eq!(ids.map(|id| store.holds(id)), [true, true, false, false]);
    fs::remove_dir(store.path(ids[3])).unwrap();
    let files = fs::read_dir(&store.folder).unwrap();
    assert_eq!(files.count(), 2, "nothing is left of the others");
}
