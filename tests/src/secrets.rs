//! Looks for passwords where they must not be: in every file below a folder, in every form in which they are said.

use data_encoding::BASE64;
use std::fs;
use std::path::Path;

/// The forms of a user's password: itself, and as LOGIN and PLAIN say it.
pub fn forms(user: &str, password: &str) -> Vec<String> {
    let messages =
        [password.to_owned(), format!("\0{user}\0{password}"), format!("{user}\0{user}\0{password}")];
    let encoded = messages.iter().map(|message| BASE64.encode(message.as_bytes()));
    encoded.chain([password.to_owned()]).collect()
}

/// Ends the test when a file holds one of the forms, but for those that are called so: they are there to hold them.
pub fn expect_nowhere(folder: &Path, forms: &[String], except: &[&str]) {
    for entry in fs::read_dir(folder).expect("a folder").flatten() {
        let (path, kind) = (entry.path(), entry.file_type().expect("its type"));
        if kind.is_dir() {
            expect_nowhere(&path, forms, except);
        } else if kind.is_file() && !except.iter().any(|name| entry.file_name() == **name) {
            // Gone meanwhile: nothing is in it.
            let text = String::from_utf8_lossy(&fs::read(&path).unwrap_or_default()).into_owned();
            for form in forms {
                assert!(!text.contains(form.as_str()), "{form} in {}", path.display());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Sandbox;

    #[test]
    fn a_password_is_found_in_every_form_and_in_every_folder() {
        let sandbox = Sandbox::new("secrets");
        sandbox.write("passwords", "user:s3cr3t");
        expect_nowhere(sandbox.path(), &forms("user", "s3cr3t"), &["passwords"]);
        for text in ["a s3cr3t b", "AUTH PLAIN AHVzZXIAczNjcjN0", "> czNjcjN0"] {
            sandbox.write("a/b/log", text);
            let found = || expect_nowhere(sandbox.path(), &forms("user", "s3cr3t"), &["passwords"]);
            assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(found)).is_err(), "{text}");
        }
    }
}
