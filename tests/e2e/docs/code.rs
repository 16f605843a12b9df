//! What the daemons can say, read from their sources: words for reasons, and metrics.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use syn::{
    Expr, ExprCall, ExprMethodCall, FieldValue, File, FnArg, ImplItemConst, ImplItemFn, ItemEnum, ItemFn, ItemMod, Lit,
    LitStr, Member, Pat, Signature, TraitItemFn, Type,
    visit::{self, Visit},
};

/// Where daemons' words are, all of it but tests.
const SOURCES: [&str; 7] = [
    "node/src",
    "attester/src",
    "relayer/src",
    "proto/src/derivation/verdict.rs",
    "proto/src/derivation/error.rs",
    "proto/src/envelope/delivery.rs",
    "proto/src/envelope/home.rs",
];

/// Functions that answer the words of an enumeration, as the code calls them.
const ANSWER: [&str; 3] = ["reason", "as_str", "word"];

/// What declares a metric, and how its name ends.
const DECLARE: [(&str, &str); 7] = [
    ("counter", "_total"),
    ("gauge", ""),
    ("gauge_as_read", ""),
    ("fraction", ""),
    ("seconds", "_seconds"),
    ("seconds_counted_as_read", "_seconds_total"),
    ("histogram", ""),
];

/// What the sources say.
#[derive(Default)]
pub(super) struct Said {
    /// Words that a function answers, that a parameter called `reason` takes, or that a field `reason` is set to.
    pub(super) reasons: BTreeSet<String>,
    /// Metrics' names without prefix.
    pub(super) metrics: BTreeSet<String>,
    /// The numbers of `ExitCause`.
    pub(super) exit_codes: BTreeSet<u8>,
    /// Functions that take a reason, and which of their arguments it is.
    takers: BTreeMap<String, usize>,
}

impl Said {
    /// Reads all of them.
    pub(super) fn read(root: &Path) -> Self {
        let files: Vec<File> = SOURCES.iter().flat_map(|place| parsed(&root.join(place))).collect();
        let mut said = Self::default();
        files.iter().for_each(|file| Takers(&mut said.takers).visit_file(file));
        files.iter().for_each(|file| said.visit_file(file));
        said
    }

    /// A call of anything by that name.
    fn called<'a>(&mut self, name: &str, arguments: impl Iterator<Item = &'a Expr> + Clone) {
        let words = |at: usize| arguments.clone().nth(at).and_then(text);
        if let Some(reason) = self.takers.get(name).and_then(|at| words(*at)) {
            self.reasons.insert(reason);
        }
        if let Some((_, end)) = DECLARE.iter().find(|(declare, _)| *declare == name) {
            self.metrics.extend(words(0).map(|name| name + end));
        }
    }

    /// A function of that name, with all that it says.
    fn answers(&mut self, name: &syn::Ident, body: &syn::Block) {
        if ANSWER.iter().any(|answer| name == answer) {
            Words(&mut self.reasons).visit_block(body);
        }
    }
}

impl<'ast> Visit<'ast> for Said {
    fn visit_item_mod(&mut self, module: &'ast ItemMod) {
        if !is_test(&module.attrs) {
            visit::visit_item_mod(self, module);
        }
    }

    fn visit_item_fn(&mut self, function: &'ast ItemFn) {
        self.answers(&function.sig.ident, &function.block);
        visit::visit_item_fn(self, function);
    }

    fn visit_impl_item_fn(&mut self, function: &'ast ImplItemFn) {
        self.answers(&function.sig.ident, &function.block);
        visit::visit_impl_item_fn(self, function);
    }

    fn visit_item_enum(&mut self, item: &'ast ItemEnum) {
        if item.ident == "ExitCause" {
            let given = item.variants.iter().filter_map(|variant| Some(&variant.discriminant.as_ref()?.1));
            self.exit_codes.extend(given.filter_map(number));
        }
    }

    fn visit_impl_item_const(&mut self, item: &'ast ImplItemConst) {
        if item.ident == "REASONS" {
            Words(&mut self.reasons).visit_expr(&item.expr);
        }
    }

    fn visit_field_value(&mut self, field: &'ast FieldValue) {
        if matches!(&field.member, Member::Named(name) if name == "reason") {
            self.reasons.extend(text(&field.expr));
        }
        visit::visit_field_value(self, field);
    }

    fn visit_expr_method_call(&mut self, call: &'ast ExprMethodCall) {
        self.called(&call.method.to_string(), call.args.iter());
        visit::visit_expr_method_call(self, call);
    }

    fn visit_expr_call(&mut self, call: &'ast ExprCall) {
        if let Expr::Path(path) = call.func.as_ref()
            && let Some(name) = path.path.segments.last()
        {
            self.called(&name.ident.to_string(), call.args.iter());
        }
        visit::visit_expr_call(self, call);
    }
}

/// Finds the functions with a parameter `reason: &str`.
struct Takers<'a>(&'a mut BTreeMap<String, usize>);

impl Takers<'_> {
    fn look_at(&mut self, signature: &Signature) {
        let parameters = signature.inputs.iter().filter_map(|input| match input {
            FnArg::Typed(typed) => Some(typed),
            FnArg::Receiver(_) => None,
        });
        let is_reason = |pattern: &Pat| matches!(pattern, Pat::Ident(name) if name.ident == "reason");
        let found =
            parameters.enumerate().find(|(_, one)| is_reason(&one.pat) && matches!(*one.ty, Type::Reference(_)));
        self.0.extend(found.map(|(at, _)| (signature.ident.to_string(), at)));
    }
}

impl<'ast> Visit<'ast> for Takers<'_> {
    fn visit_signature(&mut self, signature: &'ast Signature) {
        self.look_at(signature);
    }

    fn visit_trait_item_fn(&mut self, function: &'ast TraitItemFn) {
        self.look_at(&function.sig);
    }
}

/// Collects literals that are words.
struct Words<'a>(&'a mut BTreeSet<String>);

impl<'ast> Visit<'ast> for Words<'_> {
    fn visit_lit_str(&mut self, literal: &'ast LitStr) {
        self.0.extend(Some(literal.value()).filter(|text| is_word(text)));
    }
}

fn text(expression: &Expr) -> Option<String> {
    let Expr::Lit(literal) = expression else { return None };
    let Lit::Str(literal) = &literal.lit else { return None };
    Some(literal.value()).filter(|text| is_word(text))
}

fn number(expression: &Expr) -> Option<u8> {
    let Expr::Lit(literal) = expression else { return None };
    let Lit::Int(literal) = &literal.lit else { return None };
    literal.base10_parse().ok()
}

fn is_word(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
}

fn is_test(attributes: &[syn::Attribute]) -> bool {
    attributes
        .iter()
        .any(|one| one.path().is_ident("cfg") && one.parse_args::<syn::Path>().is_ok_and(|path| path.is_ident("test")))
}

fn parsed(place: &Path) -> Vec<File> {
    sources(place)
        .iter()
        .map(|file| syn::parse_file(&fs::read_to_string(file).expect("a source")).expect("it is Rust"))
        .collect()
}

/// All sources at or below `place`, without those of tests.
fn sources(place: &Path) -> Vec<PathBuf> {
    if place.is_file() {
        return vec![place.to_owned()];
    }
    let entries = fs::read_dir(place).expect("a folder of sources").map(|entry| entry.expect("an entry").path());
    let name = |path: &Path| path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let is_tests = |path: &Path| {
        let name = name(path);
        ["tests", "testing", "conformance", "scripted"].contains(&name.as_str()) || name.ends_with("_tests")
    };
    entries
        .filter(|path| !is_tests(path) && (path.is_dir() || path.extension().is_some_and(|end| end == "rs")))
        .flat_map(|path| sources(&path))
        .collect()
}
