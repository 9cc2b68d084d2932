"""The networks of ``networks.py`` in PyTorch, written as a person would port them, with all their traps."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

EPSILON = 1e-3


def same(x: torch.Tensor, size: int, stride: int, value: float = 0.0) -> torch.Tensor:
    """Pads as TensorFlow's SAME does: the odd one behind."""
    pads = []
    for n in reversed(x.shape[2:]):
        total = max((-(-n // stride) - 1) * stride + size - n, 0)
        pads += [total // 2, total - total // 2]
    return F.pad(x, pads, value=value)


class Normed(nn.Module):
    """A convolution and its batch norm, named as in the source."""

    def __init__(self, inputs, outputs, size, stride=1, dilation=1):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(outputs, inputs, size, size))
        self.size, self.stride, self.dilation = (size - 1) * dilation + 1, stride, dilation
        self.bn = nn.BatchNorm2d(outputs, eps=EPSILON)

    def forward(self, x):
        y = F.conv2d(same(x, self.size, self.stride), self.weight, stride=self.stride, dilation=self.dilation)
        return self.bn(y)


def _named(module, **children):
    for name, child in children.items():
        setattr(module, name, child)
    return module


class Linear(nn.Linear):
    """A dense layer and its batch norm, named as in the source."""

    def __init__(self, inputs, outputs, norm="batch_norm"):
        super().__init__(inputs, outputs, bias=False)
        setattr(self, norm, nn.BatchNorm1d(outputs, eps=EPSILON))
        self.norm = norm

    def forward(self, x):
        return getattr(self, self.norm)(super().forward(x))


class mlp(nn.Module):
    def __init__(self):
        super().__init__()
        self.hidden1, self.hidden2, self.logits = Linear(144, 100), Linear(100, 100), nn.Linear(100, 10)

    def forward(self, x):
        x = torch.sigmoid(self.hidden1(x.flatten(1)))
        return self.logits(torch.sigmoid(self.hidden2(x)))


class cnn(nn.Module):
    def __init__(self):
        super().__init__()
        width = 1
        for number in range(1, 20):
            layer = nn.Conv2d(width, 4 * number, 3, stride=2 if number % 3 == 0 else 1, bias=False)
            width = 4 * number
            layer.batch_norm = nn.BatchNorm2d(width, eps=EPSILON)
            setattr(self, f"conv{number}", layer)
        self.dense, self.logits = Linear(76, 100), nn.Linear(100, 10)

    def forward(self, x):
        for number in range(1, 20):
            layer = getattr(self, f"conv{number}")
            x = F.relu(layer.batch_norm(layer(same(x, 3, layer.stride[0]))))
        return self.logits(F.relu(self.dense(x.flatten(1))))


class Block(nn.Module):
    def __init__(self, inputs, outputs, stride):
        super().__init__()
        if stride > 1:
            self.shortcut = Normed(inputs, outputs, 1, stride)
        self.conv1, self.conv2 = Normed(inputs, outputs, 3, stride), Normed(outputs, outputs, 3)

    def forward(self, x):
        short = self.shortcut(x) if hasattr(self, "shortcut") else x
        return F.relu(self.conv2(F.relu(self.conv1(x))) + short)


class resnet(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = Normed(3, 8, 7, 2)
        self.block0, self.block1 = Block(8, 8, 1), Block(8, 12, 2)
        self.head = nn.Linear(12, 5)

    def forward(self, x):
        x = F.relu(self.stem(x))
        x = F.max_pool2d(same(x, 3, 2, float("-inf")), 3, 2)
        return self.head(self.block1(self.block0(x)).mean((2, 3)))


class mobile(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = Normed(3, 4, 3, 2)
        self.depthwise = nn.Conv2d(4, 8, 3, padding=1, groups=4, bias=False)
        self.depthwise.bn = nn.BatchNorm2d(8, eps=EPSILON)
        self.pointwise, self.dilated = Normed(8, 6, 1), Normed(6, 6, 3, dilation=2)
        self.separable = _named(
            nn.Module(), depthwise=nn.Conv2d(6, 6, 3, groups=6, bias=False), pointwise=nn.Conv2d(6, 7, 1)
        )

    def forward(self, x):
        x = F.relu6(self.stem(x))
        x = F.relu6(self.depthwise.bn(self.depthwise(x)))
        x = self.dilated(F.relu6(self.pointwise(x)))
        return self.separable.pointwise(self.separable.depthwise(x)).mean((2, 3))


class generator(nn.Module):
    def __init__(self):
        super().__init__()
        self.project = Linear(6, 45, "bn")
        self.up1 = nn.ConvTranspose2d(5, 4, 4, stride=2, padding=1, bias=False)
        self.up1.bn = nn.BatchNorm2d(4, eps=EPSILON)
        self.up2 = nn.ConvTranspose2d(4, 2, 5, stride=2)

    def forward(self, x):
        x = F.relu(self.project(x)).view(-1, 5, 3, 3)
        x = F.relu(self.up1.bn(self.up1(x)))
        return torch.tanh(self.up2(x)[:, :, 1:13, 1:13])  # SAME cuts 1 before and 2 behind


class recurrent(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer0 = _named(nn.Module(), basic_lstm_cell=nn.LSTM(3, 4, batch_first=True))
        self.layer1 = _named(nn.Module(), lstm_cell=nn.LSTM(4, 6, batch_first=True))
        self.head = nn.Linear(6, 2)

    def forward(self, x):
        x, _ = self.layer0.basic_lstm_cell(x)
        x, _ = self.layer1.lstm_cell(x)
        return self.head(x[:, -1])


class gated(nn.Module):
    def __init__(self):
        super().__init__()
        self.rnn = _named(nn.Module(), gru_cell=_named(nn.Module(), gates=nn.Linear(8, 10), candidate=nn.Linear(8, 5)))
        self.head = nn.Linear(5, 2)

    def forward(self, steps):
        cell = self.rnn.gru_cell
        h = torch.zeros(len(steps), 5)
        for x in steps.unbind(1):
            r, u = torch.sigmoid(cell.gates(torch.cat([x, h], 1))).chunk(2, 1)
            h = u * h + (1 - u) * torch.tanh(cell.candidate(torch.cat([x, r * h], 1)))
        return self.head(h)


class flattened(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(2, 3, 3, stride=2)
        self.bn = nn.BatchNorm1d(12, eps=EPSILON)
        self.turned, self.head = nn.Linear(12, 4), nn.Linear(4, 3)

    def forward(self, x):
        x = self.bn(F.relu(self.conv(x)).flatten(1))
        return self.head(F.relu(self.turned(x)))


class shared(nn.Module):
    def __init__(self):
        super().__init__()
        self.twin = _named(nn.Module(), conv=Normed(2, 4, 3))
        self.only_beta = _named(nn.Module(), bn=nn.BatchNorm2d(4, eps=EPSILON))
        self.neither = _named(nn.Module(), bn=nn.BatchNorm2d(4, eps=EPSILON))

    def forward(self, left, right):
        x = F.relu(self.twin.conv(left)) + 2.0 * F.relu(self.twin.conv(right))
        return self.neither.bn(F.relu(self.only_beta.bn(x))).mean((2, 3))


class averaged(nn.Module):
    def __init__(self):
        super().__init__()
        self.hidden, self.head = Linear(4, 5, "bn"), nn.Linear(5, 3)

    def forward(self, x):
        return self.head(F.relu(self.hidden(x)))


class first(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.head = Normed(2, 4, 3, 2), nn.Linear(36, 3)

    def forward(self, x):
        return self.head(F.relu(self.conv(x)).flatten(1))


class sequence(nn.Module):
    def __init__(self):
        super().__init__()
        self.table = nn.Embedding(11, 4)
        self.conv = nn.Conv1d(4, 4, 3, padding=1)
        self.last = nn.Linear(4, 11, bias=False)

    def forward(self, words):
        x = F.relu(self.conv(self.table(words).transpose(1, 2)))
        return self.last(x.amax(2))


class slim(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(2, 4, 3, stride=2, bias=False)
        self.conv.BatchNorm = nn.BatchNorm2d(4, eps=EPSILON)
        self.head = nn.Linear(64, 3)

    def forward(self, x):
        return self.head(F.relu(self.conv.BatchNorm(self.conv(same(x, 3, 2)))).flatten(1))
