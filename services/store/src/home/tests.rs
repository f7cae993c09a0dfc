//! A home is made whole, and a home that somebody tampered with is refused.

use super::*;
use crate::log::LogReader;
use crate::testing::{new_home, writer};
use std::os::unix::fs::{MetadataExt, PermissionsExt};

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().mode() & 0o777
}

#[test]
fn a_new_home_is_its_owners_alone() {
    let (_folder, home) = new_home();
    for folder in [home.path().to_owned(), home.path().join("keys"), home.log_path(), home.vault_path(), home.models_path()] {
        assert_eq!(mode(&folder), 0o700, "{}", folder.display());
    }
    for file in [home.operator_key_path(), home.vault_key_path(), home.recovery_path(), home.lock_path(), home.path().join("format")] {
        assert_eq!(mode(&file), 0o600, "{}", file.display());
    }
    assert_eq!(Home::open(home.path()).unwrap(), home);
}

#[test]
fn a_secret_that_others_can_read_is_refused_with_the_remedy() {
    let (_folder, home) = new_home();
    for file in [home.operator_key_path(), home.vault_key_path(), home.recovery_path()] {
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o640)).unwrap();
        let error = Home::open_or_create(home.path()).unwrap_err();
        assert!(matches!(&error, Error::ReadableByOthers { path, mode: 0o640 } if *path == file), "{error:?}");
        assert!(error.to_string().contains(&format!("chmod 600 {}", file.display())));
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    }
}

#[test]
fn what_is_not_a_home_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, b"mine").unwrap();
    assert!(matches!(Home::open_or_create(&file), Err(Error::NotAHome(_))));
    assert!(matches!(Home::open_or_create(folder.path()), Err(Error::NotAHome(_))));
    assert!(matches!(Home::open(&folder.path().join("absent")), Err(Error::NotAHome(_))));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    let (_folder, home) = new_home();
    std::fs::write(home.path().join("format"), b"mickai-home 2\n").unwrap();
    assert!(matches!(Home::open_or_create(home.path()), Err(Error::Foreign(_))));
}

/// Creation makes these one after the other; a kill between any two leaves the first so many, and perhaps a temporary file.
#[test]
fn a_creation_that_was_cut_off_is_completed_and_keeps_the_keys_it_has() {
    let steps = ["format", "keys", "log", "vault", "models", "checkpoints", "recovery.mickai", "keys/vault.key", "keys/operator.p8"];
    for done in 0..steps.len() {
        let (_folder, home) = new_home();
        let read = |step: &str| std::fs::read(home.path().join(step)).ok();
        let kept: Vec<_> = steps[..done].iter().map(|step| read(step)).collect();
        for step in steps[done..].iter().rev() {
            let path = home.path().join(step);
            if path.is_dir() { std::fs::remove_dir(path) } else { std::fs::remove_file(path) }.unwrap();
        }
        if done == 0 {
            std::fs::write(home.path().join(".format.tmp"), b"mick").unwrap();
        }
        Home::open_or_create(home.path()).unwrap();
        for (step, before) in steps[..done].iter().zip(kept) {
            assert_eq!(read(step), before, "{step} after {done} steps");
        }
        assert!(steps.iter().all(|step| home.path().join(step).exists()), "{done} steps");
        assert_eq!(writer(&home).unwrap().size(), 1);
    }
}

#[test]
fn a_key_that_a_log_needs_is_never_made_anew() {
    for key in ["keys/operator.p8", "keys/vault.key"] {
        let (_folder, home) = new_home();
        drop(writer(&home).unwrap());
        std::fs::remove_file(home.path().join(key)).unwrap();
        for opened in [Home::open_or_create(home.path()), Home::open(home.path())] {
            assert!(matches!(opened, Err(Error::KeyMissing(path)) if path == home.path().join(key)));
        }
        assert!(!home.path().join(key).exists());
    }
}

#[test]
fn a_folder_that_is_gone_is_no_missing_key() {
    for gone in ["vault", "models", "checkpoints", "format"] {
        let (_folder, home) = new_home();
        drop(writer(&home).unwrap());
        let path = home.path().join(gone);
        if path.is_dir() { std::fs::remove_dir_all(&path) } else { std::fs::remove_file(&path) }.unwrap();
        let looked_at = Home::open(home.path()).unwrap();
        assert_eq!(LogReader::open(&looked_at).unwrap().size(), 1, "{gone}");
        assert!(!path.exists(), "nothing is made: {gone}");
        std::fs::remove_file(home.vault_key_path()).unwrap();
        assert!(matches!(Home::open(home.path()), Err(Error::KeyMissing(path)) if path == home.vault_key_path()), "{gone}");
    }
}

#[test]
fn recovery_keys_may_leave_once_a_log_has_begun() {
    let (_folder, home) = new_home();
    drop(writer(&home).unwrap());
    assert!(!home.recovery_is_offline());
    std::fs::remove_file(home.recovery_path()).unwrap();
    let home = Home::open_or_create(home.path()).unwrap();
    assert!(home.recovery_is_offline());
    assert_eq!(writer(&home).unwrap().size(), 1);
}
