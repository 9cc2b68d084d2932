"""NumPy references, in float64, of the cells of tf.contrib.rnn; written from the equations of the papers.

Each is ``step(values, x, state) -> (output, state)``; ``values`` holds the variables by their name below the scope of
the cell.
"""

from __future__ import annotations

from typing import Any

import numpy as np

Values = dict[str, Any]


def s(x: Any) -> Any:
    return 1 / (1 + np.exp(-x))


def relu(x: Any) -> Any:
    return np.maximum(x, 0)


def join(*parts: Any) -> Any:
    return np.concatenate(parts, -1)


def norm(v: Values, scope: str, x: Any) -> Any:
    centred = x - x.mean(-1, keepdims=True)
    return centred / np.sqrt(x.var(-1, keepdims=True) + 1e-12) * v[f"{scope}/gamma"] + v[f"{scope}/beta"]


def lstm(v: Values, x: Any, state: Any, gates: Any = None) -> Any:
    c, h = state
    i, j, f, o = np.split(join(x, h) @ v["kernel"] + v["bias"] if gates is None else gates, 4, axis=-1)
    if "w_i_diag" in v:
        i, f = i + v["w_i_diag"] * c, f + v["w_f_diag"] * c
    c = s(f + 1) * c + s(i) * np.tanh(j)
    if "clip" in v:
        c = np.clip(c, -v["clip"], v["clip"])
    h = s(o + (v["w_o_diag"] * c if "w_o_diag" in v else 0)) * np.tanh(c)
    return h, (c, h)


def coupled(v: Values, x: Any, state: Any) -> Any:
    c, h = state
    kernel = np.concatenate([v[name] for name in sorted(v) if name.startswith("W_") and name[2:].isdigit()])
    product = join(x, h) @ kernel
    normal = "state/gamma" in v
    j, f, o = np.split(product if normal else product + v["B"], 3, axis=-1)
    if normal:
        j, f, o = norm(v, "transform", j), norm(v, "forget", f), norm(v, "output", o)
    f = s(f + 1 + (v["W_F_diag"] * c if "W_F_diag" in v else 0))
    c = f * c + (1 - f) * np.tanh(j)
    c = norm(v, "state", c) if normal else c
    h = s(o + (v["W_O_diag"] * c if "W_O_diag" in v else 0)) * np.tanh(c)
    if "W_P_0" in v:
        h = np.clip(h @ np.concatenate([v[name] for name in sorted(v) if name.startswith("W_P_")]), -0.2, 0.2)
    return h, (c, h)


def layer_norm_lstm(v: Values, x: Any, state: Any) -> Any:
    c, h = state
    gates = np.split(join(x, h) @ v["kernel"], 4, axis=-1)
    names = ("input", "transform", "forget", "output")
    i, j, f, o = (norm(v, name, gate) for name, gate in zip(names, gates, strict=True))
    c = norm(v, "state", s(f + 1) * c + s(i) * np.tanh(j))
    h = s(o) * np.tanh(c)
    return h, (c, h)


def gru(v: Values, x: Any, h: Any, names: tuple[str, ...] = ("w_ru", "b_ru", "w_c", "b_c")) -> Any:
    r, u = np.split(s(join(x, h) @ v[names[0]] + v[names[1]]), 2, axis=-1)
    h = u * h + (1 - u) * np.tanh(join(x, r * h) @ v[names[2]] + v[names[3]])
    return h, h


def gru_v2(v: Values, x: Any, h: Any) -> Any:
    return gru(v, x, h, ("gates/kernel", "gates/bias", "candidate/kernel", "candidate/bias"))


def ugrnn(v: Values, x: Any, h: Any) -> Any:
    g, c = np.split(join(x, h) @ v["kernel"] + v["bias"], 2, axis=-1)
    h = s(g + 1) * h + (1 - s(g + 1)) * np.tanh(c)
    return h, h


def intersection(v: Values, x: Any, h: Any) -> Any:
    if "in_projection/kernel" in v:
        x = x @ v["in_projection/kernel"] + v["in_projection/bias"]
    gh, ah, gy, ay = np.split(join(x, h) @ v["kernel"] + v["bias"], 4, axis=-1)
    gh, gy = s(gh + 1), s(gy + 1)
    return gy * x + (1 - gy) * relu(ay), gh * h + (1 - gh) * np.tanh(ah)


def sru(v: Values, x: Any, c: Any) -> Any:
    t, f, r, skip = np.split(x @ v["kernel"], 4, axis=-1)
    bias_f, bias_r = np.split(v["bias"], 2)
    f, r = s(f + bias_f), s(r + bias_r)
    c = f * c + (1 - f) * t
    return r * np.tanh(c) + (1 - r) * skip, c


def minimal(v: Values, x: Any, h: Any) -> Any:
    depth = x.shape[-1]
    z = np.tanh(x @ v["kernel"][:depth])
    u = s(join(z, h) @ v["kernel"][depth:] + v["bias"])
    h = u * h + (1 - u) * z
    return h, h


def chaos_free(v: Values, x: Any, h: Any) -> Any:
    units = h.shape[-1]
    gates = s(h @ v["recurrent_kernel"] + x @ v["kernel"][:, : 2 * units] + v["bias"])
    theta, eta = np.split(gates, 2, axis=-1)
    h = theta * np.tanh(h) + (1 - eta) * np.tanh(x @ v["kernel"][:, 2 * units :])
    return h, h


def indrnn(v: Values, x: Any, h: Any) -> Any:
    h = np.tanh(x @ v["kernel_w"] + v["kernel_u"][0] * h + v["bias"])
    return h, h


def indy_gru(v: Values, x: Any, h: Any) -> Any:
    r, u = np.split(s(x @ v["gates/kernel_w"] + v["gates/kernel_u"][0] * join(h, h) + v["gates/bias"]), 2, axis=-1)
    c = np.tanh(x @ v["candidate/kernel"] + v["candidate/kernel_u"][0] * r * h + v["candidate/bias"])
    h = u * h + (1 - u) * c
    return h, h


def indy_lstm(v: Values, x: Any, state: Any) -> Any:
    h = state[1]
    return lstm(v, x, state, x @ v["kernel_w"] + v["kernel_u"][0] * join(h, h, h, h) + v["bias"])


def grouped(v: Values, x: Any, state: Any) -> Any:
    c, h = state
    xs, hs = np.split(x, 2, axis=-1), np.split(h, 2, axis=-1)
    parts = [np.split(join(xs[g], hs[g]) @ v[f"group{g}/kernel"], 4, axis=-1) for g in range(2)]
    i, j, f, o = (join(parts[0][n], parts[1][n]) + v[f"bias_{name}"] for n, name in enumerate("ijfo"))
    c = s(f + 1) * c + s(i) * np.tanh(j)
    h = s(o) * np.tanh(c)
    h = h @ v["projection/kernel"] if "projection/kernel" in v else h
    return h, (c, h)


def nas(v: Values, x: Any, state: Any) -> Any:
    c, h = state
    a = np.split(x @ v["kernel"], 8, axis=-1)
    b = np.split(h @ v["recurrent_kernel"] + v.get("bias", 0), 8, axis=-1)
    first = np.tanh(s(a[0] + b[0]) * relu(a[1] + b[1]))
    second = np.tanh(s(a[2] + b[2]) + relu(a[3] * b[3]))
    third = np.tanh(np.tanh(a[4] + b[4]) * s(a[5] + b[5]))
    fourth = s(np.tanh(a[6] + b[6]) + s(a[7] + b[7]))
    c = np.tanh(first + c) * second
    h = np.tanh(c * np.tanh(third + fourth))
    h = h @ v["projection_weights"] if "projection_weights" in v else h
    return h, (c, h)


def phased(v: Values, x: Any, state: Any) -> Any:
    (time, x), (c, h) = x, state
    deep = len(v["mask_gates/kernel"]) > x.shape[-1] + h.shape[-1]
    i, f = np.split(s(join(x, h, *[c] * deep) @ v["mask_gates/kernel"] + v["mask_gates/bias"]), 2, axis=-1)
    new_c = f * c + i * np.tanh(join(x, h) @ v["new_input/kernel"] + v["new_input/bias"])
    o = s(join(x, h, *[new_c] * deep) @ v["output_gate/kernel"] + v["output_gate/bias"])
    r = np.mod(time - v["phase"], v["period"]) / v["period"]
    on = v["ratio_on"]
    k = np.where(r < on / 2, 2 * r / on, np.where(r < on, 2 - 2 * r / on, 0.001 * r))
    new_h = np.tanh(new_c) * o
    c, h = k * new_c + (1 - k) * c, k * new_h + (1 - k) * h
    return h, (c, h)


def conv_lstm(v: Values, x: Any, state: Any) -> Any:
    """Along one axis, for a kernel of 3, zeros outside."""
    c, h = state
    joined = np.pad(join(x, h), [(0, 0), (1, 1), (0, 0)])
    length = x.shape[1]
    gates = sum(joined[:, n : n + length] @ v["kernel"][n] for n in range(3)) + v.get("biases", 0)
    i, j, f, o = np.split(gates, 4, axis=-1)
    c = s(f + 1) * c + s(i) * np.tanh(j)
    h = s(o) * np.tanh(c)
    return h, (c, h)


def time_freq(v: Values, x: Any, state: Any) -> Any:
    """Two windows of two features, the second one feature further on."""
    parts = np.split(state, 4, axis=-1)
    before, outputs, new = np.zeros_like(parts[0]), [], []
    for window in range(2):
        c, h = parts[2 * window : 2 * window + 2]
        i, j, f, o = np.split(join(x[:, window : window + 2], h, before) @ v["W_0"] + v["B"], 4, axis=-1)
        c = s(f + 1 + v["W_F_diag"] * c) * c + s(i + v["W_I_diag"] * c) * np.tanh(j)
        before = s(o + v["W_O_diag"] * c) * np.tanh(c)
        outputs.append(before)
        new += [c, before]
    return join(*outputs), join(*new)


def grid(v: Values, x: Any, state: Any) -> Any:
    """Blocks of windows of two features, one each feature, as their ``ranges`` in the values say."""
    outputs, new = [], []
    for scope, order in v["directions"]:
        for block, (begin, count) in enumerate(v["ranges"]):
            c_f = h_f = np.zeros_like(state[0])
            for window in order(range(count)):
                c_t, h_t = state[len(new)], state[len(new) + 1]
                joined = join(x[:, begin + window : begin + window + 2], h_t, h_f)
                c_f, h_f, c_t, h_t = _cross(v, joined, c_f, c_t, scope, block)
                outputs += [h_t, h_f]
                new += [c_t, h_t]
    return join(*outputs), tuple(new)


def _cross(v: Values, joined: Any, c_f: Any, c_t: Any, scope: str, block: int) -> Any:
    def gates(letter: str, word: str) -> Any:
        product = joined @ v[f"{scope}W_{letter}_{block}_0"] + v[f"{scope}B_{letter}_{block}"]
        coupled_gates = product.shape[-1] == 3 * c_f.shape[-1]
        names = "ijo" if coupled_gates else "ijfo"
        found = dict(zip(names, np.split(product, len(names), axis=-1), strict=True))
        peep = {name: [v.get(f"{scope}W_{name.upper()}_diag_{word}{at}_{block}", 0) for at in "ft"] for name in "ifo"}
        return found, peep

    along = {"f": gates("f", "freq")}
    along["t"] = gates("t", "time") if f"{scope}W_t_{block}_0" in v else along["f"]
    new = {}
    for name, c in (("f", c_f), ("t", c_t)):
        values, peep = along[name]
        i = s(values["i"] + peep["i"][0] * c_f + peep["i"][1] * c_t)
        f = s(values["f"] + 1 + peep["f"][0] * c_f + peep["f"][1] * c_t) if "f" in values else 1 - i
        new[name] = f * c + i * np.tanh(values["j"])
    h = {}
    for name in "ft":
        values, peep = along[name]
        h[name] = s(values["o"] + peep["o"][0] * new["f"] + peep["o"][1] * new["t"]) * np.tanh(new[name])
    return new["f"], h["f"], new["t"], h["t"]


def attention(v: Values, x: Any, state: Any) -> Any:
    """Around an LSTM, with a window of three outputs."""
    inner, attended, window = state
    window = window.reshape(len(x), 3, -1)
    inside = {name.removeprefix("lstm_cell/"): value for name, value in v.items() if name.startswith("lstm_cell/")}
    output, inner = lstm(inside, join(x, attended) @ v["kernel"] + v["bias"], inner)
    query = join(*inner) @ v["attention/kernel"] + v["attention/bias"]
    scores = (v["attention/attn_v"] * np.tanh(window @ v["attention/attn_w"][0, 0] + query[:, None])).sum(-1)
    weights = np.exp(scores) / np.exp(scores).sum(-1, keepdims=True)
    attended = (weights[..., None] * window).sum(1)
    output = join(output, attended) @ v["attn_output_projection/kernel"] + v["attn_output_projection/bias"]
    window = np.concatenate([window[:, 1:], output[:, None]], 1).reshape(len(x), -1)
    return output, (inner, attended, window)


def highway(v: Values, x: Any, h: Any) -> Any:
    h = np.tanh(join(x, h) @ v["basic_rnn_cell/kernel"] + v["basic_rnn_cell/bias"])
    carry = s(x @ v["carry_w"] + v["carry_b"])
    transform = s(x @ v["transform_w"] + v["transform_b"]) if "transform_w" in v else 1 - carry
    return x * carry + h * transform, h


def projected_inputs(v: Values, x: Any, h: Any) -> Any:
    x = relu(x @ v["kernel"] + v["bias"])
    h = np.tanh(join(x, h) @ v["basic_rnn_cell/kernel"] + v["basic_rnn_cell/bias"])
    return h, h


def projected_outputs(v: Values, x: Any, h: Any) -> Any:
    h = np.tanh(join(x, h) @ v["basic_rnn_cell/kernel"] + v["basic_rnn_cell/bias"])
    return relu(h @ v["kernel"] + v["bias"]), h
