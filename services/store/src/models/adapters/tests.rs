//! Adapters come and go whole, each for one model.

use super::*;
use crate::testing::{new_home, running};
use tempfile::TempDir;

fn digest(byte: u8) -> Id {
    Id([byte; 32])
}

fn about(name: &str, adapter: u8, model: u8) -> AboutAdapter<'_> {
    AboutAdapter { name, digest: digest(adapter), model: digest(model) }
}

fn import(store: &AdapterStore, source: &Path, about: AboutAdapter<'_>) -> Result<StoredAdapter, Error> {
    store.import(&running(), source, about, &mut |_| ControlFlow::Continue(()), |_| Ok(())).map(|(adapter, _)| adapter)
}

/// A store, and a folder as a trainer leaves it.
fn new_store() -> (TempDir, AdapterStore, PathBuf) {
    let (folder, home) = new_home();
    let source = folder.path().join("checkpoint-100");
    std::fs::create_dir(&source).unwrap();
    for name in [FILES[0], FILES[1], "optimizer.pt", "tokenizer.json", "README.md"] {
        std::fs::write(source.join(name), name).unwrap();
    }
    (folder, AdapterStore::open(&home), source)
}

#[test]
fn the_two_files_of_a_folder_or_one_file_are_taken_in() {
    let (folder, store, source) = new_store();
    assert_eq!(store.list().unwrap(), []);
    let adapter = import(&store, &source, about("tone", 1, 9)).unwrap();
    let names: Vec<_> = adapter.paths.iter().map(|path| path.file_name().unwrap().to_str().unwrap()).collect();
    assert_eq!(names, FILES);
    assert!(adapter.paths.iter().all(|path| std::fs::read(path).unwrap() == path.file_name().unwrap().as_encoded_bytes()));
    assert_eq!(std::fs::read_dir(adapter.paths[0].parent().unwrap()).unwrap().count(), 2);
    assert_eq!((adapter.digest, adapter.model, adapter.manifest.bytes), (digest(1), digest(9), 44));
    let gguf = folder.path().join("tone.GGUF");
    std::fs::write(&gguf, b"GGUF").unwrap();
    assert_eq!(import(&store, &gguf, about("file", 2, 9)).unwrap().paths.len(), 1);
    // The same once more is what it was; for another model it is one more.
    assert_eq!(import(&store, &source, about("other", 1, 9)).unwrap(), adapter);
    import(&store, &source, about("tone", 1, 8)).unwrap();
    assert_eq!(store.list().unwrap().len(), 3);
    for wrong in [folder.path().join("home"), folder.path().join("checkpoint-100/README.md")] {
        assert!(matches!(import(&store, &wrong, about("x", 3, 9)), Err(Error::NoAdapterFiles(_))), "{}", wrong.display());
    }
    std::fs::remove_file(source.join(FILES[1])).unwrap();
    assert!(matches!(AdapterStore::files_of(&source), Err(Error::NoAdapterFiles(_))));
}

#[test]
fn names_are_one_models_and_have_no_plus() {
    let (_folder, store, source) = new_store();
    for name in ["", "a+b", "a/b", "a\nb", &"x".repeat(201)] {
        assert!(matches!(import(&store, &source, about(name, 1, 9)), Err(Error::AdapterName)), "{name}");
    }
    import(&store, &source, about("tone", 1, 9)).unwrap();
    assert!(matches!(import(&store, &source, about("tone", 2, 9)), Err(Error::AdapterNameTaken { digest: taken, .. }) if taken == digest(1)));
    import(&store, &source, about("tone", 2, 8)).unwrap();
    assert_eq!(store.find("tone", Some(digest(8))).unwrap().digest, digest(2));
    let Err(Error::AmbiguousAdapter(candidates)) = store.find("tone", None) else { panic!("two models have one") };
    assert_eq!(candidates.len(), 2);
    // What is called like another's digest goes before what has it.
    import(&store, &source, about("0202", 3, 8)).unwrap();
    assert_eq!(store.find("0202", None).unwrap().digest, digest(3));
    assert_eq!(store.find("0101", None).unwrap().digest, digest(1));
    // A whole digest is nobody's name; homes of before may have one that is called so.
    let second = digest(2).to_string();
    assert!(matches!(import(&store, &source, about(&second, 4, 9)), Err(Error::NameOfDigest)));
    let manifest = store.folder_of(digest(3), digest(8)).join("manifest.json");
    std::fs::write(&manifest, std::fs::read_to_string(&manifest).unwrap().replace("\"0202\"", &format!("\"{second}\""))).unwrap();
    for query in [&second, &second.to_uppercase()] {
        assert_eq!(store.find(query, Some(digest(8))).unwrap().digest, digest(2));
    }
    assert_eq!(import(&store, &source, about(&second, 3, 8)).unwrap().manifest.name, second);
    for query in ["010", "absent", ""] {
        assert!(matches!(store.find(query, None), Err(Error::NoSuchAdapter)), "{query}");
    }
    assert!(store.remove(&running(), digest(1), digest(9)).unwrap());
    assert!(!store.remove(&running(), digest(1), digest(9)).unwrap());
    assert_eq!(store.list().unwrap().len(), 2);
}

/// Stopped, refused, or cut off: nothing is left, or it is swept; a manifest that is not that folder's is named.
#[test]
fn an_import_that_ends_early_leaves_nothing() {
    let (_folder, store, source) = new_store();
    let stopped = store.import(&running(), &source, about("tone", 1, 9), &mut |_| ControlFlow::Break(()), |_| Ok(()));
    assert!(matches!(stopped, Err(Error::Stopped)));
    let refused = store.import(&running(), &source, about("tone", 1, 9), &mut |_| ControlFlow::Continue(()), |copy| {
        assert_eq!(copy.paths.len(), 2);
        Err(Error::AdapterName)
    });
    assert!(matches!(refused, Err(Error::AdapterName)));
    assert_eq!(std::fs::read_dir(&store.folder).unwrap().count(), 0);
    // No process has this id: Linux ends at 2^22.
    let dead = store.folder.join(format!(".incoming-99999999-{}-{}", digest(1), digest(9)));
    std::fs::create_dir_all(&dead).unwrap();
    import(&store, &source, about("tone", 1, 9)).unwrap();
    assert!(!dead.exists());
    let (right, wrong) = (store.folder.join(format!("{}-{}", digest(1), digest(9))), store.folder.join(format!("{}-{}", digest(1), digest(8))));
    std::fs::rename(right, &wrong).unwrap();
    assert!(matches!(store.list(), Err(Error::Damaged { path, what: Damage::Manifest, .. }) if path == wrong.join("manifest.json")));
}

/// A manifest that does not read hides nothing but what it may be itself.
#[test]
fn a_broken_manifest_hides_no_other_adapter() {
    let (_folder, store, source) = new_store();
    for (name, adapter, model) in [("tone", 1, 9), ("calm", 2, 9), ("tone", 3, 8)] {
        import(&store, &source, about(name, adapter, model)).unwrap();
    }
    std::fs::write(store.folder_of(digest(1), digest(9)).join("manifest.json"), b"{}").unwrap();
    let [first, second, third] = [1, 2, 3].map(|byte| digest(byte).to_string());
    for (query, model, found) in [("calm", Some(9), 2), ("tone", Some(8), 3), (second.as_str(), None, 2), (third.as_str(), Some(8), 3)] {
        assert_eq!(store.find(query, model.map(digest)).unwrap().digest, digest(found), "{query}");
    }
    for (query, model) in [("tone", Some(9)), ("tone", None), ("absent", None), ("0202", Some(9)), (first.as_str(), None)] {
        let error = store.find(query, model.map(digest)).unwrap_err();
        assert!(matches!(error, Error::Damaged { what: Damage::Manifest, .. }), "{query}: {error}");
    }
    for (query, model) in [("absent", Some(8)), (first.as_str(), Some(8))] {
        assert!(matches!(store.find(query, model.map(digest)), Err(Error::NoSuchAdapter)), "{query}");
    }
}
