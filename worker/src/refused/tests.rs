//! A store that several workers have open at once.

use super::*;
use ::sasl::Authzid;
use std::os::unix::fs::PermissionsExt;

const DAY: Duration = Duration::from_secs(86_400);
const NOW: u64 = 1_800_000_000;

fn credential(value: &str) -> Credential {
    Credential::of_map_value(value, ':', Authzid::Omit).unwrap()
}

fn refused(at: u64) -> RefusedLogin {
    RefusedLogin { at, status: "5.7.8".into(), reply: "535 5.7.8 no".into() }
}

#[test]
fn what_one_worker_remembers_another_finds_until_it_is_out_of_date() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cache.baton");
    let (one, other) = (RefusedLogins::open(&path, DAY).unwrap(), RefusedLogins::open(&path, DAY).unwrap());
    let login = credential("joe:secret");
    one.remember("mx.test", &login, &refused(NOW)).unwrap();
    assert_eq!(other.find("MX.test", &login, NOW + 86_400), Some(refused(NOW)));
    assert_eq!(other.find("mx2.test", &login, NOW), None);
    assert_eq!(other.find("mx.test", &credential("jim:secret"), NOW), None);
    assert_eq!(other.find("mx.test", &login, NOW + 86_401), None);
    assert_eq!(other.find("mx.test", &login, NOW), None, "it was removed");
}

#[test]
fn another_password_is_tried_and_no_password_is_on_disk() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cache.baton");
    let store = RefusedLogins::open(&path, DAY).unwrap();
    store.remember("mx.test", &credential("joe:secret-of-joe"), &refused(NOW)).unwrap();
    for file in std::fs::read_dir(&path).unwrap() {
        let file = file.unwrap();
        let text = String::from_utf8_lossy(&std::fs::read(file.path()).unwrap()).into_owned();
        assert!(!text.contains("joe") && !text.contains("secret"), "{text}");
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o077, 0);
    }
    assert_eq!(store.find("mx.test", &credential("joe:another"), NOW), None);
    assert_eq!(store.find("mx.test", &credential("joe:secret-of-joe"), NOW), None, "it was removed");
}

#[test]
fn the_oldest_goes_where_there_is_no_room() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = RefusedLogins::open(&folder.path().join("cache.baton"), DAY).unwrap();
    store.most = 3;
    for user in 0..9 {
        store.remember("mx.test", &credential(&format!("u{user}:x")), &refused(NOW)).unwrap();
        assert!(store.kept().unwrap().len() <= 3);
    }
    assert!(store.find("mx.test", &credential("u8:x"), NOW).is_some());
}

#[test]
fn damaged_files_are_as_none() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cache.baton");
    let store = RefusedLogins::open(&path, DAY).unwrap();
    let login = credential("joe:x");
    store.remember("mx.test", &login, &refused(NOW)).unwrap();
    std::fs::write(path.join(store.name("mx.test", &login)), vec![7; 100_000]).unwrap();
    assert_eq!(store.find("mx.test", &login, NOW), None);
    std::fs::write(path.join(SECRET), "short").unwrap();
    let again = RefusedLogins::open(&path, DAY).unwrap();
    again.remember("mx.test", &login, &refused(NOW)).unwrap();
    assert_eq!(again.find("mx.test", &login, NOW), Some(refused(NOW)));
}

#[test]
fn a_folder_that_others_can_open_is_not_used() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cache.baton");
    drop(RefusedLogins::open(&path, DAY).unwrap());
    for mode in [0o770, 0o707, 0o750] {
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        assert!(RefusedLogins::open(&path, DAY).is_err(), "{mode:o}");
    }
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o700)).unwrap();
    assert!(RefusedLogins::open(&path, DAY).is_ok());
}

#[test]
fn names_are_those_of_postfix() {
    let folder = |name| folder(name, Path::new("/queue"));
    assert_eq!(folder("proxy:btree:/var/lib/x/cache"), Ok("/var/lib/x/cache.baton".into()));
    assert_eq!(folder("proxy:lmdb:cache"), Ok("/queue/cache.baton".into()));
    assert_eq!(folder("btree:/x"), Err(BadCacheName::NotProxy));
    assert_eq!(folder("proxy:btree:/x, proxy:btree:/y"), Err(BadCacheName::Several));
    for name in ["proxy:btree:", "proxy:", "proxy:/x", "proxy:static:x"] {
        assert_eq!(folder(name), Err(BadCacheName::Kind), "{name}");
    }
}

#[test]
fn a_folder_that_was_given_away_gets_no_file_of_root() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cache.baton");
    let (user, group) = (Uid::from_raw(12_345), Gid::from_raw(12_345));
    let owner = |path: &Path| std::os::unix::fs::MetadataExt::uid(&std::fs::metadata(path).unwrap());
    RefusedLogins::open(&path, DAY).unwrap().give_to(user, group).unwrap();
    assert_eq!([owner(&path), owner(&path.join(SECRET))], [12_345; 2]);
    // What the new owner can do where hard links are not protected.
    let roots = folder.path().join("root's");
    std::fs::write(&roots, [7; 32]).unwrap();
    std::fs::remove_file(path.join(SECRET)).unwrap();
    std::fs::hard_link(&roots, path.join(SECRET)).unwrap();
    RefusedLogins::open(&path, DAY).unwrap().give_to(user, group).unwrap();
    assert_eq!(owner(&roots), 0);
}
