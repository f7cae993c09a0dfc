//! Rewrites a source so that each of its checks and statements can be switched off by number.

use proc_macro2::Span;
use quote::ToTokens;
use syn::spanned::Spanned;
use syn::visit_mut::{self, VisitMut};
use syn::{Attribute, BinOp, Block, Expr, ExprBinary, ImplItemFn, Item, ItemFn, ItemImpl, ReturnType, Stmt, parse_quote};

/// One change; its number is its place in the list plus one.
pub struct Mutant {
    /// Below the proof's `src`.
    pub file: String,
    /// Where.
    pub line: usize,
    /// `true`, `false`, `bound`, `deleted`.
    pub change: &'static str,
    /// What is changed.
    pub text: String,
}

/// The source with its switches; the mutants are appended to the list.
pub fn switchable(file: &str, source: &str, mutants: &mut Vec<Mutant>) -> syn::Result<String> {
    let mut tree = syn::parse_file(source)?;
    Switches { file, mutants }.visit_file_mut(&mut tree);
    Ok(tree.into_token_stream().to_string())
}

struct Switches<'a> {
    file: &'a str,
    mutants: &'a mut Vec<Mutant>,
}

impl Switches<'_> {
    fn number(&mut self, span: Span, change: &'static str, what: &impl ToTokens) -> usize {
        let text = what.to_token_stream().to_string().split_whitespace().collect::<Vec<_>>().join(" ");
        let text = text.chars().take(110).collect();
        self.mutants.push(Mutant { file: self.file.to_owned(), line: span.start().line, change, text });
        self.mutants.len()
    }

    /// A value of type bool: forced either way. Comparisons are switched where they stand, and operands of `&&` and `||` by themselves.
    fn switch_bool(&mut self, expr: &mut Expr) {
        match expr {
            Expr::Call(call) if is_switch(&call.func) => {}
            Expr::Let(inner) => self.visit_expr_mut(&mut inner.expr),
            Expr::Paren(inner) => self.switch_bool(&mut inner.expr),
            Expr::Binary(ExprBinary { op: BinOp::And(_) | BinOp::Or(_), left, right, .. }) => {
                self.switch_bool(left);
                self.switch_bool(right);
            }
            Expr::Block(_) | Expr::If(_) | Expr::Match(_) => visit_mut::visit_expr_mut(self, expr),
            _ => {
                let original = expr.clone();
                let yes = self.number(expr.span(), "true", &original);
                let no = self.number(expr.span(), "false", &original);
                let bound = other_bound(&original).map(|other| (self.number(expr.span(), "bound", &original), other));
                if matches!(expr, Expr::Binary(_) | Expr::Macro(_)) {
                    visit_mut::visit_expr_mut(self, expr);
                } else {
                    self.visit_expr_mut(expr);
                }
                let inner = expr.clone();
                *expr = match bound {
                    Some((number, other)) => parse_quote!(crate::mutant::switched(#yes, #no, if crate::mutant::is(#number) { #other } else { #inner })),
                    None => parse_quote!(crate::mutant::switched(#yes, #no, #inner)),
                };
            }
        }
    }

    fn switch_tail(&mut self, output: &ReturnType, block: &mut Block) {
        let is_bool = matches!(output, ReturnType::Type(_, kind) if kind.to_token_stream().to_string() == "bool");
        if is_bool && let Some(Stmt::Expr(tail, None)) = block.stmts.last_mut() {
            self.switch_bool(tail);
        }
    }
}

/// `<` for `<=` and the like.
fn other_bound(expr: &Expr) -> Option<Expr> {
    let Expr::Binary(ExprBinary { left, op, right, .. }) = expr else { return None };
    match op {
        BinOp::Lt(_) => Some(parse_quote!(#left <= #right)),
        BinOp::Le(_) => Some(parse_quote!(#left < #right)),
        BinOp::Gt(_) => Some(parse_quote!(#left >= #right)),
        BinOp::Ge(_) => Some(parse_quote!(#left > #right)),
        _ => None,
    }
}

/// Closures of these give a bool.
const ASKING: [&str; 9] = ["any", "all", "filter", "is_some_and", "is_none_or", "find", "position", "partition_point", "next_if"];

/// Traits that print or convert: nothing there is a check.
const PRINTING: [&str; 5] = ["Display", "Debug", "Error", "From", "Default"];

fn is_test(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| attribute.path().is_ident("cfg"))
}

impl VisitMut for Switches<'_> {
    fn visit_item_mut(&mut self, item: &mut Item) {
        match item {
            Item::Const(_) | Item::Static(_) | Item::Macro(_) => {}
            Item::Mod(module) if is_test(&module.attrs) => {}
            _ => visit_mut::visit_item_mut(self, item),
        }
    }

    fn visit_item_impl_mut(&mut self, item: &mut ItemImpl) {
        let prints = item.trait_.as_ref().and_then(|(_, path, _)| path.segments.last()).is_some_and(|last| PRINTING.iter().any(|name| last.ident == name));
        if !prints {
            visit_mut::visit_item_impl_mut(self, item);
        }
    }

    fn visit_item_fn_mut(&mut self, item: &mut ItemFn) {
        visit_mut::visit_item_fn_mut(self, item);
        self.switch_tail(&item.sig.output, &mut item.block);
    }

    fn visit_impl_item_fn_mut(&mut self, item: &mut ImplItemFn) {
        visit_mut::visit_impl_item_fn_mut(self, item);
        self.switch_tail(&item.sig.output, &mut item.block);
    }

    fn visit_block_mut(&mut self, block: &mut Block) {
        let originals = block.stmts.clone();
        visit_mut::visit_block_mut(self, block);
        for (statement, original) in block.stmts.iter_mut().zip(originals) {
            if let Stmt::Expr(expr, Some(_)) = statement
                && matches!(expr, Expr::Call(_) | Expr::MethodCall(_) | Expr::Try(_) | Expr::Assign(_))
            {
                let number = self.number(original.span(), "deleted", &original);
                *statement = parse_quote!(if !crate::mutant::is(#number) { #expr; });
            }
        }
    }

    fn visit_expr_if_mut(&mut self, node: &mut syn::ExprIf) {
        self.switch_bool(&mut node.cond);
        let originals = node.then_branch.stmts.clone();
        self.visit_block_mut(&mut node.then_branch);
        // What returns early, where going on is possible.
        if node.else_branch.is_none() {
            for (statement, original) in node.then_branch.stmts.iter_mut().zip(originals) {
                if let Stmt::Expr(expr @ Expr::Return(_), _) = statement {
                    let number = self.number(original.span(), "deleted", &original);
                    *statement = parse_quote!(if !crate::mutant::is(#number) { #expr; });
                }
            }
        }
        if let Some((_, other)) = &mut node.else_branch {
            self.visit_expr_mut(other);
        }
    }

    fn visit_expr_mut(&mut self, expr: &mut Expr) {
        match expr {
            Expr::Call(call) if is_switch(&call.func) => {}
            Expr::Binary(ExprBinary { op: BinOp::Eq(_) | BinOp::Ne(_) | BinOp::Lt(_) | BinOp::Le(_) | BinOp::Gt(_) | BinOp::Ge(_) | BinOp::And(_) | BinOp::Or(_), .. }) => {
                self.switch_bool(expr);
            }
            Expr::Macro(inner) if inner.mac.path.is_ident("matches") => self.switch_bool(expr),
            Expr::Call(call) if call.func.to_token_stream().to_string() == "fail" => {
                let original = call.clone();
                visit_mut::visit_expr_mut(self, expr);
                let number = self.number(original.span(), "deleted", &original);
                let inner = expr.clone();
                *expr = parse_quote!((if !crate::mutant::is(#number) { #inner }));
            }
            Expr::MethodCall(call) => {
                let name = call.method.to_string();
                if ASKING.contains(&name.as_str()) {
                    for argument in &mut call.args {
                        if let Expr::Closure(closure) = argument {
                            self.switch_bool(&mut closure.body);
                        }
                    }
                }
                if name == "then_some" || name == "then" {
                    self.switch_bool(&mut call.receiver);
                }
                visit_mut::visit_expr_mut(self, expr);
            }
            _ => visit_mut::visit_expr_mut(self, expr),
        }
    }

    fn visit_arm_mut(&mut self, arm: &mut syn::Arm) {
        if let Some((_, guard)) = &mut arm.guard {
            self.switch_bool(guard);
        }
        self.visit_expr_mut(&mut arm.body);
    }
}

/// What was made switchable once stays as it is.
fn is_switch(function: &Expr) -> bool {
    matches!(function, Expr::Path(path) if path.path.segments.iter().any(|segment| segment.ident == "mutant"))
}
