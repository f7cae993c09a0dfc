//! Models come and go whole.

use super::*;
use crate::testing::{new_home, running};
use tempfile::TempDir;

fn digest(first: u8) -> Id {
    let mut bytes = [0x11; 32];
    bytes[0] = first;
    Id(bytes)
}

fn new_store() -> (TempDir, ModelStore, PathBuf) {
    let (folder, home) = new_home();
    let gguf = folder.path().join("tiny.gguf");
    std::fs::write(&gguf, b"GGUF weights").unwrap();
    (folder, ModelStore::open(&home), gguf)
}

#[test]
fn a_file_is_copied_whole_with_its_manifest_and_progress() {
    let (_folder, store, gguf) = new_store();
    let mut seen = Vec::new();
    let model = store.import(&running(), &gguf, "tiny", digest(0xab), &mut |progress| seen.push((progress.bytes_done, progress.bytes_total))).unwrap();
    assert_eq!(seen, [(0, 12), (12, 12)]);
    assert_eq!(std::fs::read(&model.path).unwrap(), b"GGUF weights");
    assert_eq!(model.path.file_name().unwrap(), "tiny.gguf");
    assert_eq!((model.manifest.bytes, model.manifest.files.len()), (12, 1));
    assert_eq!(store.list().unwrap(), std::slice::from_ref(&model));
    // Again, under another name: it is there already.
    assert_eq!(store.import(&running(), &gguf, "other", digest(0xab), &mut |_| {}).unwrap(), model);
}

#[test]
fn a_folder_gives_what_a_model_needs_and_nothing_else() {
    let (folder, store, gguf) = new_store();
    let source = folder.path().join("llama");
    std::fs::create_dir_all(source.join("original")).unwrap();
    for name in ["config.json", "tokenizer.json", "model-00001-of-00001.safetensors", "chat_template.jinja", "pytorch_model.bin", "README.md"] {
        std::fs::write(source.join(name), name).unwrap();
    }
    // As in Hugging Face caches, where files are links to blobs.
    std::os::unix::fs::symlink(&gguf, source.join("tokenizer_config.json")).unwrap();
    let model = store.import(&running(), &source, "llama", digest(1), &mut |_| {}).unwrap();
    let mut names: Vec<_> = std::fs::read_dir(&model.path).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    assert_eq!(names, ["chat_template.jinja", "config.json", "model-00001-of-00001.safetensors", "tokenizer.json", "tokenizer_config.json"]);
    assert!(std::fs::symlink_metadata(model.path.join("tokenizer_config.json")).unwrap().is_file());
}

#[test]
fn what_is_no_model_is_refused_and_leaves_nothing() {
    let (folder, store, gguf) = new_store();
    let text = folder.path().join("notes.txt");
    std::fs::write(&text, b"").unwrap();
    let empty = folder.path().join("empty");
    std::fs::create_dir(&empty).unwrap();
    for source in [&text, &empty] {
        assert!(matches!(store.import(&running(), source, "x", digest(1), &mut |_| {}), Err(Error::NoModelFiles(_))));
    }
    for name in ["", "a/b", "a\nb", &"x".repeat(201)] {
        assert!(matches!(store.import(&running(), &gguf, name, digest(1), &mut |_| {}), Err(Error::ModelName)));
    }
    assert!(matches!(store.import(&running(), &folder.path().join("absent.gguf"), "x", digest(1), &mut |_| {}), Err(Error::Io { .. })));
    assert_eq!(std::fs::read_dir(&store.folder).unwrap().count(), 0);
}

#[test]
fn a_name_or_a_digest_prefix_finds_one_or_says_which_fit() {
    let (_folder, store, gguf) = new_store();
    let mut second = digest(0xab);
    second.0[31] = 0;
    for (name, digest) in [("tiny", digest(0xab)), ("tiny", second), ("other", digest(0xcd))] {
        store.import(&running(), &gguf, name, digest, &mut |_| {}).unwrap();
    }
    assert_eq!(store.find("other").unwrap().digest, digest(0xcd));
    assert_eq!(store.find("CD11").unwrap().digest, digest(0xcd));
    assert_eq!(store.find(&second.to_string()).unwrap().digest, second);
    for query in ["tiny", "ab11"] {
        let Err(Error::AmbiguousModel(candidates)) = store.find(query) else { panic!("{query}") };
        assert_eq!(candidates.len(), 2);
    }
    for query in ["cd1", "absent", ""] {
        assert!(matches!(store.find(query), Err(Error::NoSuchModel)), "{query}");
    }
    assert!(store.remove(&running(), digest(0xcd)).unwrap());
    assert!(!store.remove(&running(), digest(0xcd)).unwrap());
    assert!(matches!(store.find("other"), Err(Error::NoSuchModel)));
}

#[test]
fn an_import_that_was_cut_off_is_swept_and_a_broken_manifest_is_named() {
    let (_folder, store, gguf) = new_store();
    // No process has this id: Linux ends at 2^22.
    let dead = store.folder.join(format!("{INCOMING}99999999-{}", digest(1)));
    std::fs::create_dir_all(dead.join("model")).unwrap();
    assert_eq!(store.list().unwrap(), []);
    let model = store.import(&running(), &gguf, "tiny", digest(1), &mut |_| {}).unwrap();
    assert!(!dead.exists());
    let manifest = model.path.parent().unwrap().parent().unwrap().join("manifest.json");
    std::fs::write(&manifest, b"{}").unwrap();
    assert!(matches!(store.list(), Err(Error::Damaged { path, what: Damage::Manifest, .. }) if path == manifest));
}
