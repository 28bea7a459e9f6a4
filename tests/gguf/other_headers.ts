import { array, text, uint32, type WrittenHeader } from "./build_header.ts";

const LLAMA = text("general.architecture", "llama");
const TYPE = (type: string) => text("general.type", type);
const flag = (key: string, value: boolean) => ({ key, type: "bool", value } as const);

/** A header of a language model, as far as its kind is concerned. */
export const MODEL_HEADER: WrittenHeader = {
  metadata: [LLAMA, array("tokenizer.ggml.tokens", "string", ["a", "b"])],
  tensors: [{ name: "token_embd.weight", dimensions: [64, 2] }],
};

const LORA = [
  { name: "blk.0.attn_q.weight.lora_a", dimensions: [64, 8] },
  { name: "blk.0.attn_q.weight.lora_b", dimensions: [8, 64] },
];
const VISION = [{ name: "v.blk.0.attn_q.weight", dimensions: [64, 64] }];

/** GGUF files that are no language models, and what each is called. */
export const OTHER_HEADERS: readonly (readonly [
  name: string,
  header: WrittenHeader,
  what: string,
])[] = [
  [
    "lora",
    { metadata: [LLAMA, TYPE("adapter"), text("adapter.type", "lora")], tensors: LORA },
    "a LoRA adapter, not a model",
  ],
  ["lora-by-its-tensors", { metadata: [LLAMA], tensors: LORA }, "an adapter, not a model"],
  [
    "mmproj",
    {
      metadata: [
        text("general.architecture", "clip"),
        TYPE("mmproj"),
        flag("clip.has_vision_encoder", true),
      ],
      tensors: VISION,
    },
    "a vision projector (mmproj), not a model",
  ],
  [
    "mmproj-without-a-type",
    {
      metadata: [
        text("general.architecture", "clip"),
        flag("clip.has_text_encoder", false),
        flag("clip.has_vision_encoder", true),
      ],
      tensors: VISION,
    },
    "a vision projector (mmproj), not a model",
  ],
  [
    "mmproj-audio",
    {
      metadata: [
        text("general.architecture", "clip"),
        TYPE("mmproj"),
        flag("clip.has_audio_encoder", true),
      ],
      tensors: [{ name: "a.blk.0.attn_q.weight", dimensions: [64, 64] }],
    },
    "an audio projector (mmproj), not a model",
  ],
  [
    "mmproj-omni",
    {
      metadata: [
        text("general.architecture", "clip"),
        flag("clip.has_audio_encoder", true),
        flag("clip.has_vision_encoder", true),
      ],
      tensors: VISION,
    },
    "a vision and audio projector (mmproj), not a model",
  ],
  [
    "imatrix",
    {
      metadata: [TYPE("imatrix"), uint32("imatrix.chunk_count", 10)],
      tensors: [{ name: "blk.0.attn_q.weight.in_sum2", dimensions: [64] }],
    },
    "an importance matrix (imatrix), not a model",
  ],
  [
    "imatrix-without-a-type",
    {
      metadata: [array("imatrix.datasets", "string", ["wiki.txt"])],
      tensors: [{ name: "blk.0.attn_q.weight.counts", dimensions: [1] }],
    },
    "an importance matrix (imatrix), not a model",
  ],
  [
    "control-vector",
    {
      metadata: [
        text("general.architecture", "controlvector"),
        text("controlvector.model_hint", "llama"),
        uint32("controlvector.layer_count", 1),
      ],
      tensors: [{ name: "direction.1", dimensions: [64] }],
    },
    "a control vector, not a model",
  ],
  [
    "control-vector-by-its-type",
    {
      metadata: [LLAMA, TYPE("controlvector")],
      tensors: [{ name: "direction.1", dimensions: [64] }],
    },
    "a control vector, not a model",
  ],
  [
    "vocabulary",
    {
      metadata: [
        LLAMA,
        uint32("llama.block_count", 2),
        array("tokenizer.ggml.tokens", "string", ["a", "b"]),
      ],
    },
    "a vocabulary alone, without weights, not a model",
  ],
  ["header-alone", { metadata: [LLAMA] }, "a header alone, without weights, not a model"],
  [
    "images",
    {
      metadata: [text("general.architecture", "flux")],
      tensors: [{ name: "double_blocks.0.img_attn.proj.weight", dimensions: [64, 64] }],
    },
    'a model of images ("flux"), not of language',
  ],
  [
    "speech",
    {
      metadata: [text("general.architecture", "whisper")],
      tensors: [{ name: "encoder.conv1.weight", dimensions: [3, 64] }],
    },
    'a model of speech ("whisper"), not of language',
  ],
];
