//! A language that nobody speaks: every text that does not come from the files is seen at once, and all runs from
//! right to left.

use crate::model::{Key, Part};

/// Its tag.
pub(crate) const TAG: &str = "x-rtl";

/// The same parts with accents on the vowels, all within brackets.
pub(crate) fn of(parts: &[Part]) -> Vec<Part> {
    let bracket = |text: &str| Part::Text(text.to_owned());
    let mut within = vec![bracket("⟦")];
    within.extend(accented(parts));
    within.push(bracket("⟧"));
    within
}

fn accented(parts: &[Part]) -> Vec<Part> {
    let form = |(key, parts): &(Key, Vec<Part>)| (key.clone(), accented(parts));
    let parts = parts.iter().map(|part| match part {
        Part::Text(text) => Part::Text(text.chars().map(accent).collect()),
        Part::Argument(..) => part.clone(),
        Part::Select(name, forms) => Part::Select(name.clone(), forms.iter().map(form).collect()),
    });
    parts.collect()
}

fn accent(letter: char) -> char {
    match letter {
        'a' => 'á',
        'e' => 'é',
        'i' => 'í',
        'o' => 'ó',
        'u' => 'ú',
        'A' => 'Á',
        'E' => 'É',
        'I' => 'Í',
        'O' => 'Ó',
        'U' => 'Ú',
        other => other,
    }
}
