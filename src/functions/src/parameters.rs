//! The parameters of users' functions: names, and which may be left out.

use crate::CallError;

/// A parameter of a function, for calls such as `f(b => 1, a => 2)`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parameter {
    pub name: String,
    /// A call that leaves it out hands NULL in.
    pub optional: bool,
}

impl Parameter {
    pub fn required(name: impl Into<String>) -> Parameter {
        Parameter {
            name: name.into(),
            optional: false,
        }
    }

    pub fn optional(name: impl Into<String>) -> Parameter {
        Parameter {
            name: name.into(),
            optional: true,
        }
    }
}

/// An argument as a call has it: its name, and its place among the call's arguments.
pub struct Argument<'a> {
    pub name: Option<&'a str>,
    pub place: usize,
}

/// For each parameter the place of its argument among the call's; none where it is left out. A call by position of a
/// function without names comes out as it is.
///
/// # Errors
/// When a name is unknown or used twice, or a parameter that isn't optional has no argument.
pub fn arrange(
    function: &str,
    parameters: &[Parameter],
    args: &[Argument<'_>],
) -> Result<Vec<Option<usize>>, CallError> {
    let named = args.iter().any(|a| a.name.is_some());
    if !named && (parameters.is_empty() || args.len() >= parameters.len()) {
        return Ok(args.iter().map(|a| Some(a.place)).collect());
    }
    let names = || parameters.iter().map(|p| p.name.as_str());
    let expected = || {
        let names: Vec<String> = names().map(|n| format!("'{n}'")).collect();
        match names.is_empty() {
            true => " It takes arguments by position only.".to_owned(),
            false => format!(" Its parameters are {}.", names.join(", ")),
        }
    };
    let mut places: Vec<Option<usize>> = vec![None; parameters.len()];
    for (at, arg) in args.iter().enumerate() {
        let place = match arg.name {
            None => Some(at),
            Some(name) => names().position(|n| n.eq_ignore_ascii_case(name)),
        };
        let Some(slot) = place.and_then(|p| places.get_mut(p)) else {
            let name = arg.name.unwrap_or_default();
            let hint = filbert_types::suggest::did_you_mean(name, names());
            let hint = if hint.is_empty() { expected() } else { hint };
            return Err(CallError::Invalid(format!(
                "The function {function} has no parameter '{name}'.{hint}"
            )));
        };
        if slot.replace(arg.place).is_some() {
            let name = arg.name.unwrap_or_default();
            return Err(CallError::Invalid(format!(
                "Duplicate argument name '{name}' in a call of {function}."
            )));
        }
    }
    let missing = parameters.iter().zip(&places);
    let missing = missing.filter(|(p, place)| !p.optional && place.is_none());
    let missing: Vec<String> = missing.map(|(p, _)| format!("'{}'", p.name)).collect();
    if !missing.is_empty() && named {
        return Err(CallError::Invalid(format!(
            "A call of {function} misses {}.{}",
            missing.join(", "),
            expected()
        )));
    }
    if !missing.is_empty() {
        // By position, the function's own signatures say what is wrong.
        return Ok(args.iter().map(|a| Some(a.place)).collect());
    }
    Ok(places)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(args: &[Option<&str>]) -> Result<Vec<Option<usize>>, String> {
        let parameters = [Parameter::required("a"), Parameter::optional("b")];
        let args: Vec<Argument<'_>> = args
            .iter()
            .enumerate()
            .map(|(place, name)| Argument { name: *name, place })
            .collect();
        arrange("f", &parameters, &args).map_err(|e| e.to_string())
    }

    #[test]
    fn arguments_find_their_parameters() {
        assert_eq!(places(&[None, None]).unwrap(), [Some(0), Some(1)]);
        assert_eq!(places(&[None]).unwrap(), [Some(0), None]);
        assert_eq!(places(&[Some("b"), Some("A")]).unwrap(), [Some(1), Some(0)]);
        assert_eq!(places(&[Some("a")]).unwrap(), [Some(0), None]);
        assert!(places(&[Some("b")]).unwrap_err().contains("misses 'a'"));
        assert!(
            places(&[Some("c")])
                .unwrap_err()
                .contains("no parameter 'c'")
        );
        let twice = places(&[Some("a"), Some("a")]).unwrap_err();
        assert!(twice.contains("Duplicate argument name 'a'"), "{twice}");
    }
}
