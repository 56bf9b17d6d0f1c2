// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

struct Number { int128 value; int128 decimals; }
struct Numbers { string name; Number[] values; uint32[] shape; }
struct Strings { string name; string[] values; }
struct Json { string name; string value; }
struct Input { Numbers[] numbers; Strings[] strings; }
struct Request { uint8 mode; string modelCID; Input input; }
struct Output { Numbers[] numbers; Strings[] strings; Json[] jsons; bool is_simulation_result; }

/// Stands where the precompile 0xF4 stands: the one log that names a Model Hub model.
contract Precompile {
    event ModelInferenceEvent(string inferenceID, Request request, Output response);

    function infer(string calldata id, uint8 mode, string calldata cid, bool simulated) external {
        Request memory request;
        request.mode = mode;
        request.modelCID = cid;
        request.input.numbers = new Numbers[](1);
        request.input.numbers[0].name = "x";
        request.input.numbers[0].values = new Number[](2);
        request.input.numbers[0].values[0] = Number(-15, 1);
        request.input.numbers[0].values[1] = Number(7, 0);
        request.input.numbers[0].shape = new uint32[](1);
        request.input.numbers[0].shape[0] = 2;
        Output memory response;
        response.jsons = new Json[](1);
        response.jsons[0] = Json("y", "{}");
        response.is_simulation_result = simulated;
        emit ModelInferenceEvent(id, request, response);
    }
}

/// The contract in front of it, whose own log repeats each result.
contract InferenceHub {
    event InferenceResult(Output response);

    function run(Precompile precompile, string calldata id, string calldata cid) external {
        precompile.infer(id, 0, cid, false);
        Output memory response;
        emit InferenceResult(response);
    }
}
