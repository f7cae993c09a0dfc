//! Models come and go whole.

use super::*;
use crate::testing::{new_home, running};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use tempfile::TempDir;

/// Takes a file in, with nothing to do before it appears.
fn import(store: &ModelStore, source: &Path, name: &str, digest: Id) -> Result<Model, Error> {
    store.import(&running(), source, (name, digest), &mut |_| ControlFlow::Continue(()), |_| Ok(())).map(|(model, _)| model)
}

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
    let mut see = |progress: Progress| {
        seen.push((progress.bytes_done, progress.bytes_total));
        ControlFlow::Continue(())
    };
    let (model, is_new) = store.import(&running(), &gguf, ("tiny", digest(0xab)), &mut see, |_| Ok::<_, Error>(())).unwrap();
    assert!(is_new);
    assert_eq!(seen, [(0, 12), (12, 12)]);
    assert_eq!(std::fs::read(&model.path).unwrap(), b"GGUF weights");
    assert_eq!(model.path.file_name().unwrap(), "tiny.gguf");
    assert_eq!((model.manifest.bytes, model.manifest.files.len()), (12, 1));
    assert_eq!(store.list().unwrap(), std::slice::from_ref(&model));
    // Again, under another name: it is there already.
    assert_eq!(import(&store, &gguf, "other", digest(0xab)).unwrap(), model);
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
    let model = import(&store, &source, "llama", digest(1)).unwrap();
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
        assert!(matches!(import(&store, source, "x", digest(1)), Err(Error::NoModelFiles(_))));
    }
    for name in ["", "a/b", "a\nb", &"x".repeat(201)] {
        assert!(matches!(import(&store, &gguf, name, digest(1)), Err(Error::ModelName)));
    }
    assert!(matches!(import(&store, &folder.path().join("absent.gguf"), "x", digest(1)), Err(Error::Io { .. })));
    assert_eq!(std::fs::read_dir(&store.folder).unwrap().count(), 0);
}

#[test]
fn a_name_or_a_digest_prefix_finds_one_or_says_which_fit() {
    let (_folder, store, gguf) = new_store();
    let mut second = digest(0xab);
    second.0[31] = 0;
    for (name, digest) in [("tiny", digest(0xab)), ("tinier", second), ("other", digest(0xcd))] {
        import(&store, &gguf, name, digest).unwrap();
    }
    assert!(matches!(import(&store, &gguf, "tiny", digest(2)), Err(Error::ModelNameTaken { name, digest: taken }) if name == "tiny" && taken == digest(0xab)));
    assert_eq!(store.list().unwrap().len(), 3);
    // Homes of before may have two of one name.
    let manifest = store.folder.join(second.to_string()).join("manifest.json");
    std::fs::write(&manifest, std::fs::read_to_string(&manifest).unwrap().replace("tinier", "tiny")).unwrap();
    assert_eq!(import(&store, &gguf, "tiny", second).unwrap().digest, second);
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
    // A whole digest is nobody's name, nor is what names an adapter of what has it.
    let first = digest(0xab).to_string();
    for name in [first.clone(), first.to_uppercase(), format!("{first}+tone")] {
        assert!(matches!(import(&store, &gguf, &name, digest(3)), Err(Error::NameOfDigest)), "{name}");
    }
    import(&store, &gguf, &first[1..], digest(3)).unwrap();
    assert!(store.remove(&running(), digest(3)).unwrap());
    // Homes of before may have one that is called so: it is found by its own digest, and stays what it is called.
    let manifest = store.folder.join(digest(0xcd).to_string()).join("manifest.json");
    std::fs::write(&manifest, std::fs::read_to_string(&manifest).unwrap().replace("\"other\"", &format!("\"{first}\""))).unwrap();
    for query in [&first, &first.to_uppercase()] {
        assert_eq!(store.find(query).unwrap().digest, digest(0xab));
    }
    for query in ["CD11", &digest(0xcd).to_string()] {
        assert_eq!(store.find(query).unwrap().manifest.name, first);
    }
    assert_eq!(import(&store, &gguf, &first, digest(0xcd)).unwrap().manifest.name, first);
    assert_eq!(store.list().unwrap().len(), 3);
    assert!(matches!(store.find(&digest(4).to_string()), Err(Error::NoSuchModel)));
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
    // The first process of a container has the same id every time.
    let own = store.folder.join(format!("{INCOMING}{}-{}", std::process::id(), digest(1)));
    std::fs::create_dir_all(own.join("model")).unwrap();
    std::fs::write(own.join("model").join(gguf.file_name().unwrap()), b"half").unwrap();
    assert_eq!(store.list().unwrap(), []);
    import(&store, &gguf, "tiny", digest(1)).unwrap();
    assert!(!dead.exists() && !own.exists());
    let other = import(&store, &gguf, "other", digest(2)).unwrap();
    let folder = store.folder.join(digest(1).to_string());
    let manifest = folder.join("manifest.json");
    let is_named = |error: &Error| matches!(error, Error::Damaged { path, what: Damage::Manifest, .. } if *path == manifest);
    for bytes in [Vec::new(), b"{}".to_vec(), vec![b' '; limits::MANIFEST_BYTES_MAX as usize + 1]] {
        std::fs::write(&manifest, bytes).unwrap();
        let error = store.list().unwrap_err();
        assert!(is_named(&error) && error.to_string().ends_with(&format!("remove the folder {} and import it again", folder.display())), "{error}");
    }
    // It hides nothing but what it may be itself.
    for query in ["other", &digest(2).to_string()] {
        assert_eq!(store.find(query).unwrap(), other);
    }
    for query in ["tiny", "absent", "0111", "0211", &digest(1).to_string()] {
        assert!(is_named(&store.find(query).unwrap_err()), "{query}");
    }
    assert!(matches!(store.find(&digest(3).to_string()), Err(Error::NoSuchModel)));
    for (name, digest) in [("tiny", digest(1)), ("third", digest(3))] {
        assert!(is_named(&import(&store, &gguf, name, digest).unwrap_err()), "{name}");
    }
    assert!(store.remove(&running(), digest(1)).unwrap());
    import(&store, &gguf, "tiny", digest(1)).unwrap();
    assert_eq!(store.list().unwrap().len(), 2);
}

/// What could not be read again would hide every model that is here.
#[test]
fn more_names_than_a_manifest_holds_are_refused_before_anything_is_copied() {
    let (folder, store, _) = new_store();
    let source = folder.path().join("odd");
    std::fs::create_dir(&source).unwrap();
    let odd = (0..750).map(|i| format!("{}{i}.txt", "\u{1}".repeat(240)));
    for name in ["config.json", "model.safetensors"].map(str::to_owned).into_iter().chain(odd) {
        std::fs::write(source.join(name), b"").unwrap();
    }
    let mut is_copied = false;
    let mut see = |_: Progress| {
        is_copied = true;
        ControlFlow::Continue(())
    };
    let refused = store.import(&running(), &source, ("odd", digest(1)), &mut see, |_| Ok::<_, Error>(()));
    assert!(matches!(refused, Err(Error::ManifestBytes { of, bytes }) if of == source && bytes > limits::MANIFEST_BYTES_MAX));
    assert!(!is_copied);
    assert_eq!(std::fs::read_dir(&store.folder).unwrap().count(), 0);
    assert_eq!(store.list().unwrap(), []);
}

#[test]
fn a_path_that_is_no_text_is_taken_in_all_the_same() {
    let (folder, store, gguf) = new_store();
    let source = folder.path().join(OsStr::from_bytes(b"mod\xe8les"));
    std::fs::create_dir(&source).unwrap();
    let source = source.join("tiny.gguf");
    std::fs::copy(gguf, &source).unwrap();
    let model = import(&store, &source, "tiny", digest(1)).unwrap();
    assert!(model.manifest.source.ends_with("mod\u{fffd}les/tiny.gguf"), "{}", model.manifest.source);
    assert_eq!(store.list().unwrap(), [model]);
}

/// Stopped while it copies, while it is finished, or by what finishing finds: nothing is left, and the next import succeeds.
#[test]
fn an_import_that_ends_early_leaves_nothing() {
    let (_folder, store, gguf) = new_store();
    let goes_on = &mut |_: Progress| ControlFlow::Continue(());
    for stop_at in [0, 12] {
        let stops = &mut |progress: Progress| if progress.bytes_done == stop_at { ControlFlow::Break(()) } else { ControlFlow::Continue(()) };
        assert!(matches!(store.import(&running(), &gguf, ("tiny", digest(1)), stops, |_| Ok(())), Err(Error::Stopped)));
        assert_eq!(std::fs::read_dir(&store.folder).unwrap().count(), 0, "stopped at {stop_at}");
    }
    let stopped = store.import(&running(), &gguf, ("tiny", digest(1)), goes_on, |incoming| incoming.write_panels(&[b"panels"], &mut |_| ControlFlow::Break(())));
    assert!(matches!(stopped, Err(Error::Stopped)));
    let refused = store.import(&running(), &gguf, ("tiny", digest(1)), goes_on, |incoming| {
        assert_eq!(std::fs::read(&incoming.paths[0]).unwrap(), b"GGUF weights");
        Err(Error::ModelName)
    });
    assert!(matches!(refused, Err(Error::ModelName)));
    assert_eq!(std::fs::read_dir(&store.folder).unwrap().count(), 0);
    import(&store, &gguf, "tiny", digest(1)).unwrap();
}

#[test]
fn panels_are_a_file_of_their_own_that_is_replaced_whole() {
    let (_folder, store, gguf) = new_store();
    let id = digest(1);
    let tail = PanelFile::tail("of what");
    store
        .import(&running(), &gguf, ("tiny", id), &mut |_| ControlFlow::Continue(()), |incoming| incoming.write_panels(&[b"weights", &tail], &mut |_| ControlFlow::Continue(())))
        .unwrap();
    let read = |store: &ModelStore| {
        let file = store.panels(id).unwrap();
        let mut bytes = vec![0; usize::try_from(file.byte_count()).unwrap()];
        assert!(file.read_at(&mut bytes, 0) && !file.read_at(&mut [0], file.byte_count()));
        bytes
    };
    let bytes = read(&store);
    assert_eq!((PanelFile::head(&bytes), bytes.starts_with(b"weights")), (Some("of what"), true));
    assert!(matches!(store.write_panels(id, &[b"others"], &mut |_| ControlFlow::Break(())), Err(Error::Stopped)));
    assert_eq!(read(&store), bytes, "what is written half is not there");
    store.write_panels(id, &[b"others"], &mut |_| ControlFlow::Continue(())).unwrap();
    assert_eq!(read(&store), b"others");
    for lie in [&b""[..], b"1234567", &[9, 0, 0, 0, 0, 0, 0, 0], &[0xff; 9], &[0xff, 1, 0, 0, 0, 0, 0, 0, 0]] {
        assert_eq!(PanelFile::head(lie), None, "{lie:?}");
    }
    assert_eq!(std::fs::read_dir(store.folder.join(id.to_string())).unwrap().count(), 3);
}

/// Each writes to a file of its own: whatever comes of it is one of the two, and whole.
#[test]
fn panels_that_are_written_at_a_time_do_not_mix() {
    let (_folder, store, gguf) = new_store();
    let id = digest(1);
    import(&store, &gguf, "tiny", id).unwrap();
    let all: Vec<Vec<u8>> = (1..5).map(|byte| vec![byte; 100_000 * usize::from(byte)]).collect();
    std::thread::scope(|scope| {
        for bytes in &all {
            let store = &store;
            scope.spawn(move || (0..20).for_each(|_| store.write_panels(id, &[bytes, bytes], &mut |_| ControlFlow::Continue(())).unwrap()));
        }
    });
    let file = store.panels(id).unwrap();
    let mut bytes = vec![0; usize::try_from(file.byte_count()).unwrap()];
    assert!(file.read_at(&mut bytes, 0));
    assert!(all.iter().any(|one| [one.as_slice(), one].concat() == bytes), "{} bytes", bytes.len());
    assert_eq!(std::fs::read_dir(store.folder.join(id.to_string())).unwrap().count(), 3);
}

/// Killed while it wrote, failed while it wrote: nothing stays but what was there. A process that lives is left alone.
#[test]
fn half_panels_do_not_stay() {
    let (_folder, store, gguf) = new_store();
    let id = digest(1);
    import(&store, &gguf, "tiny", id).unwrap();
    let folder = store.folder.join(id.to_string());
    let alive = folder.join(format!(".panels-{}-999999999.tmp", std::process::id()));
    // No process has this id: Linux ends at 2^22.
    for left in [&folder.join(".panels-99999999-0.tmp"), &folder.join(".panels.tmp"), &alive] {
        std::fs::write(left, b"half").unwrap();
    }
    assert!(matches!(store.write_panels(id, &[b"others"], &mut |_| ControlFlow::Break(())), Err(Error::Stopped)));
    let names = || std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect::<std::collections::BTreeSet<_>>();
    let expected = ["manifest.json", "model", alive.file_name().unwrap().to_str().unwrap()].map(str::to_owned);
    assert_eq!(names(), expected.into());
    store.write_panels(id, &[b"others"], &mut |_| ControlFlow::Continue(())).unwrap();
    assert!(names().contains("panels") && names().len() == 4);
}
