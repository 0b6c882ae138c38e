//! The engine's module without the words of its panics: it imports nothing, so nobody could read them.
//!
//! What panics traps, with words or without. But the words are a tenth of the module: each place has some, and they bring
//! along all that writes out numbers, texts and errors for programmers (`{:?}`), which in the engine nothing else does.

use crate::error::PackError;
use rustc_demangle::demangle;
use std::{collections::HashMap, path::Path};
use walrus::{
    FunctionBuilder, FunctionId, FunctionKind, LocalFunction, Module, ModuleConfig,
    ir::{self, Instr, InstrSeq, InstrSeqId, Visitor},
    passes::gc,
};

/// What functions have in their names that only panics call.
const OF_PANICS: [&str; 10] = [
    "::panicking::",
    "::unwrap_failed",
    "::expect_failed",
    "::slice_index_fail",
    "::slice_error_fail",
    "::len_mismatch_fail",
    "::panic_on_ord_violation",
    "core::fmt::Debug>::fmt",
    "core::fmt::builders::",
    "core::panic::PanicPayload>::",
];

/// Functions that do nothing but trap, and how many arguments they take.
type Traps = HashMap<FunctionId, usize>;

/// The module with functions of panics that do nothing but trap, and without what only they call. Without names, too.
///
/// # Errors
/// When it is none.
pub(crate) fn slim(path: &Path, module: &[u8]) -> Result<Vec<u8>, PackError> {
    let mut config = ModuleConfig::new();
    config.generate_name_section(false).generate_producers_section(false);
    let mut module = config.parse(module).map_err(|_| PackError::NotWasm(path.into()))?;
    let of_panics: Vec<FunctionId> =
        module.funcs.iter_local().map(|(id, _)| id).filter(|id| is_of_panics(&module, *id)).collect();
    let mut traps = Traps::new();
    for id in of_panics {
        let trap = trap(&mut module, id);
        traps.insert(id, trap.args.len());
        module.funcs.get_mut(id).kind = FunctionKind::Local(trap);
    }
    for (_, function) in module.funcs.iter_local_mut() {
        trap_at_once(function, &traps);
    }
    let customs: Vec<_> = module.customs.iter().map(|(id, _)| id).collect();
    for id in customs {
        module.customs.delete(id);
    }
    gc::run(&mut module);
    Ok(module.emit_wasm())
}

fn is_of_panics(module: &Module, id: FunctionId) -> bool {
    let name = module.funcs.get(id).name.as_deref().map(|name| format!("{:#}", demangle(name)));
    name.is_some_and(|name| OF_PANICS.iter().any(|part| name.contains(part)))
}

/// A function of the same type that does nothing but trap.
fn trap(module: &mut Module, id: FunctionId) -> LocalFunction {
    let (params, results) = module.types.params_results(module.funcs.get(id).ty());
    let (params, results) = (params.to_vec(), results.to_vec());
    let arguments = params.iter().map(|kind| module.locals.add(*kind)).collect();
    let mut builder = FunctionBuilder::new(&mut module.types, &params, &results);
    builder.func_body().unreachable();
    builder.local_func(arguments)
}

/// Where one of them is called, traps without calling it, and without the arguments as far as they are at hand.
fn trap_at_once(function: &mut LocalFunction, traps: &Traps) {
    struct Parts(Vec<InstrSeqId>);
    impl Visitor<'_> for Parts {
        fn start_instr_seq(&mut self, part: &InstrSeq) {
            self.0.push(part.id());
        }
    }
    let mut parts = Parts(Vec::new());
    ir::dfs_in_order(&mut parts, function, function.entry_block());
    for part in parts.0 {
        let instructions = &mut function.block_mut(part).instrs;
        let trap = instructions.iter().enumerate().find_map(|(at, (instruction, _))| match instruction {
            Instr::Call(call) => Some((at, *traps.get(&call.func)?)),
            _ => None,
        });
        let Some((at, arguments)) = trap else { continue };
        instructions.truncate(at + 1);
        instructions[at].0 = ir::Unreachable {}.into();
        for _ in 0..arguments {
            let Some(before) = instructions.len().checked_sub(2) else { break };
            if !matches!(instructions[before].0, Instr::Const(_) | Instr::LocalGet(_) | Instr::GlobalGet(_)) {
                break;
            }
            instructions.remove(before);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use walrus::ValType;

    /// Adds a function that passes its arguments to others, one after the other.
    fn add(module: &mut Module, name: &str, arguments: usize, called: &[FunctionId]) -> FunctionId {
        let mut builder = FunctionBuilder::new(&mut module.types, &vec![ValType::I32; arguments], &[]);
        let locals: Vec<_> = (0..arguments).map(|_| module.locals.add(ValType::I32)).collect();
        builder.name(name.into());
        for id in called {
            for local in &locals {
                builder.func_body().local_get(*local);
            }
            builder.func_body().call(*id);
        }
        builder.finish(locals, &mut module.funcs)
    }

    #[test]
    fn panics_trap_without_words_and_all_else_stays() {
        let mut module = Module::default();
        let writes = add(&mut module, "_ZN4core3fmt5write17h0123456789abcdefE", 0, &[]);
        let digits = add(&mut module, "a::digits", 2, &[]);
        let both = add(&mut module, "a::both", 2, &[digits]);
        let panics = add(&mut module, "_RNvNtCsgXGp5Oqx2Ny_4core9panicking9panic_fmt", 2, &[digits, both]);
        let does = add(&mut module, "a::does", 2, &[digits, panics, both]);
        for (name, id) in [("does", does), ("writes", writes)] {
            module.exports.add(name, id);
        }
        let path = Path::new("engine.wasm");
        let slimmed = slim(path, &module.emit_wasm()).unwrap();
        assert_eq!(slim(path, &slimmed).unwrap(), slimmed, "there is nothing more to take out");
        let module = ModuleConfig::new().parse(&slimmed).unwrap();
        assert!(module.funcs.iter().all(|function| function.name.is_none()));
        assert_eq!(module.exports.iter().map(|export| &export.name).collect::<Vec<_>>(), ["does", "writes"]);
        assert_eq!(module.funcs.iter().count(), 3, "what only the panic called is gone, as is what came after it");
        let does = module.exports.get_func("does").map(|id| module.funcs.get(id).kind.unwrap_local()).unwrap();
        let body = &does.block(does.entry_block()).instrs;
        let (last, before) = body.split_last().unwrap();
        assert!(matches!(last.0, Instr::Unreachable(_)), "{body:?}");
        assert!(matches!(before, [(Instr::LocalGet(_), _), (Instr::LocalGet(_), _), (Instr::Call(_), _)]), "{body:?}");
    }

    #[test]
    fn what_is_no_module_is_refused() {
        let error = slim(Path::new("engine.wasm"), b"\0asm\x01\0\0\0\x01\xff").unwrap_err();
        assert!(error.to_string().starts_with("engine.wasm is not a WebAssembly module"), "{error}");
    }
}
