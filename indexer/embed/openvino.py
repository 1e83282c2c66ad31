"""OpenVINO: a sentence-transformers model exported once, and run without torch.

Converted straight from the traced torch module, pooling and normalisation included; nothing is pickled.
"""

from __future__ import annotations

import sys
import threading
import warnings
from collections.abc import Callable, Iterable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from indexer.embed.batching import Batch

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

_GRAPH = "model.xml"


def installed() -> str | None:
    """The version of OpenVINO that is installed, or None."""
    try:
        return version("openvino")
    except PackageNotFoundError:
        return None


def _silent() -> Any:
    """OpenVINO, imported without its telemetry.

    Left to itself it tells Google Analytics of every import, keeps a number of this user in ~/intel, and fails where there
    is no home.
    """
    sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]  # as if it weren't installed: it has a stub for that
    import openvino

    return openvino


def export(model: SentenceTransformer, folder: Path) -> None:
    """Writes the model, from token ids and mask to sentence vector, into `folder`. Raises what the converter raises."""
    openvino = _silent()
    import torch
    from openvino.frontend import FrontEndManager
    from openvino.frontend.pytorch.ts_decoder import TorchScriptPythonDecoder

    class Whole(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.parts = torch.nn.ModuleList(model.children())

        def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
            features = {"input_ids": input_ids, "attention_mask": attention_mask}
            for part in self.parts:
                features = part(features)
            return features["sentence_embedding"]

    example = {"input_ids": torch.ones(2, 9, dtype=torch.long), "attention_mask": torch.ones(2, 9, dtype=torch.long)}
    example["attention_mask"][1, 5:] = 0
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # the tracer names each shape that it takes as constant; vectors are compared
        frontend = FrontEndManager().load_by_framework("pytorch")
        decoder = TorchScriptPythonDecoder(Whole().eval(), example_input=example)
        graph = frontend.convert(frontend.load(decoder))
    for node in graph.inputs:
        node.get_node().set_partial_shape(openvino.PartialShape([-1, -1]))
        node.get_node().set_element_type(openvino.Type.i64)
    graph.validate_nodes_and_infer_types()
    openvino.save_model(graph, folder / _GRAPH, compress_to_fp16=False)


class Network:
    """An exported model compiled for this processor: `streams` batches at a time, on `threads` threads in all.

    `shape` fixes the batch and the length, which spares the engine two milliseconds wherever they would change.
    Raises RuntimeError where OpenVINO can't read or run it.
    """

    def __init__(
        self, folder: Path, precision: str, streams: int, threads: int, shape: tuple[int, int] | None = None
    ) -> None:
        openvino = _silent()
        core = openvino.Core()
        graph = core.read_model(folder / _GRAPH)
        if shape is not None:
            graph.reshape(dict.fromkeys(range(2), openvino.PartialShape(list(shape))))
        self._compiled = core.compile_model(
            graph,
            "CPU",
            {
                "INFERENCE_PRECISION_HINT": precision,
                "NUM_STREAMS": streams,
                "INFERENCE_NUM_THREADS": threads,
                "ENABLE_CPU_PINNING": False,  # two processes would be tied to the same core
            },
        )
        self._queue = openvino.AsyncInferQueue(self._compiled, streams * 2 if streams > 1 else 1)
        self._queue.set_callback(_take)
        self._one_at_a_time = threading.Lock()
        # Its inputs are the caller's arrays themselves, so that no request of the queue may be it.
        self._alone = self._compiled.create_infer_request()

    def run(self, batches: Iterable[Batch], take: Callable[[Batch, np.ndarray], None]) -> None:
        """Calls `take` with each batch and its vectors, float32 of shape (texts, dimension), as they are done.

        The batches may be made while others run. Two threads may call: the second waits.
        """
        with self._one_at_a_time:
            try:
                for batch in batches:
                    self._queue.start_async({0: batch.ids, 1: batch.mask}, (batch, take))
            finally:
                self._queue.wait_all()

    def one(self, batch: Batch) -> np.ndarray:
        """The vectors of one batch, in this thread."""
        with self._one_at_a_time:
            self._alone.infer({0: batch.ids, 1: batch.mask}, share_inputs=True)
            return self._alone.get_output_tensor(0).data.copy()


def _take(request: Any, given: tuple[Batch, Callable[[Batch, np.ndarray], None]]) -> None:
    batch, take = given
    take(batch, request.get_output_tensor(0).data)
