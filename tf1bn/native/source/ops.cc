// The ops, through TensorFlow's C interface: no C++ of TensorFlow crosses the border, so one library serves every
// release since 2.15. Their names carry a number that changes with their meaning.
#include <atomic>
#include <string>
#include <vector>

#include "batch.h"
#include "tensorflow/c/kernels.h"
#include "tensorflow/c/ops.h"
#include "tensorflow/c/tf_buffer.h"
#include "tensorflow/c/tf_status.h"
#include "tensorflow/c/tf_tensor.h"
#include "threads.h"

// Not in every release; then the session's number of threads is not known.
extern "C" __attribute__((weak)) void TF_GetSerializedConfigProto(TF_OpKernelContext*, TF_Buffer*, TF_Status*);

namespace tf1bn {
namespace {

constexpr const char *kForwardName = "Tf1bnNormalizeV1", *kBackwardName = "Tf1bnNormalizeGradV1";
constexpr const char *kLevelVariable = "TF1BN_NATIVE_LEVEL", *kThreadsVariable = "TF1BN_NATIVE_THREADS";

struct Status {
  TF_Status* at = TF_NewStatus();
  ~Status() { TF_DeleteStatus(at); }
  bool ok() const { return TF_GetCode(at) == TF_OK; }
};

struct Tensor {
  TF_Tensor* at = nullptr;
  ~Tensor() { clear(); }
  void clear() {
    if (at) TF_DeleteTensor(at);
    at = nullptr;
  }
  template <class F>
  F* values() const { return static_cast<F*>(TF_TensorData(at)); }
  int64_t size() const { return TF_TensorElementCount(at); }
  std::vector<int64_t> dims() const {
    std::vector<int64_t> found(TF_NumDims(at));
    for (size_t i = 0; i < found.size(); ++i) found[i] = TF_Dim(at, static_cast<int>(i));
    return found;
  }
};

// What one node of a graph says, and the threads of the session that runs it.
struct Kernel {
  double epsilon = 0;
  int64_t rank = 0;
  unsigned char relu = 0, averages = 0, bessel = 0, guarded = 0;
  const Level* level = nullptr;
  std::atomic<int> threads{0};

  Setting setting(TF_OpKernelContext* context) {
    int found = threads.load(std::memory_order_relaxed);
    if (found == 0) threads.store(found = ask(context), std::memory_order_relaxed);
    return {level, found};
  }

 private:
  static int ask(TF_OpKernelContext* context) {
    int64_t wanted = positive_number(kThreadsVariable);
    // TensorFlow evaluates ops on constants while it optimises a graph; there is no session then, and no step.
    const bool in_step = TF_StepId(context) > 0;
    if (wanted <= 0 && in_step && TF_GetSerializedConfigProto) {
      Status status;
      TF_Buffer* buffer = TF_NewBuffer();
      TF_GetSerializedConfigProto(context, buffer, status.at);
      if (status.ok()) wanted = intra_op_threads(static_cast<const unsigned char*>(buffer->data), buffer->length);
      TF_DeleteBuffer(buffer);
    }
    if (wanted <= 0) wanted = in_step ? default_threads() : 1;
    return static_cast<int>(std::min<int64_t>(wanted, 1024));
  }
};

template <bool kBackward>
void* create(TF_OpKernelConstruction* construction) {
  Status status;
  auto* const kernel = new Kernel;
  const auto flag = [&](const char* name, unsigned char* to) {
    if (status.ok()) TF_OpKernelConstruction_GetAttrBool(construction, name, to, status.at);
  };
  flag("relu", &kernel->relu);
  if (status.ok()) TF_OpKernelConstruction_GetAttrInt64(construction, "rank", &kernel->rank, status.at);
  if (!kBackward) {
    flag("averages", &kernel->averages), flag("bessel", &kernel->bessel), flag("guarded", &kernel->guarded);
    // An attribute is a float; for double, a second one holds what the first leaves out.
    for (const char* name : {"epsilon", "epsilon_rest"}) {
      float part = 0;
      if (status.ok()) TF_OpKernelConstruction_GetAttrFloat(construction, name, &part, status.at);
      kernel->epsilon += part;
    }
  }
  const char* const wanted = std::getenv(kLevelVariable);
  kernel->level = level_of(wanted);
  if (status.ok() && kernel->level == nullptr) {
    const std::string text = std::string("tf1bn.native: the environment variable ") + kLevelVariable + " is \"" +
                             wanted + "\", which this processor does not run. `python -m tf1bn.native info` lists the "
                             "levels that it runs; unset the variable to take the best one.";
    TF_SetStatus(status.at, TF_INVALID_ARGUMENT, text.c_str());
  }
  if (!status.ok()) {
    TF_OpKernelConstruction_Failure(construction, status.at);
    delete kernel;
    return nullptr;
  }
  return kernel;
}

void destroy(void* kernel) { delete static_cast<Kernel*>(kernel); }

template <class E> constexpr TF_DataType kType = TF_FLOAT;
template <> constexpr TF_DataType kType<double> = TF_DOUBLE;
template <> constexpr TF_DataType kType<Half> = TF_HALF;
template <> constexpr TF_DataType kType<Bfloat16> = TF_BFLOAT16;

std::string text_of(const std::vector<int64_t>& dims) {
  std::string text = "[";
  for (size_t i = 0; i < dims.size(); ++i) text += (i ? ", " : "") + std::to_string(dims[i]);
  return text + "]";
}

// One run of a kernel; after the first failure nothing more is done.
struct Call {
  TF_OpKernelContext* context;
  Status status;

  explicit Call(TF_OpKernelContext* context) : context(context) {}

  bool failed() {
    if (status.ok()) return false;
    TF_OpKernelContext_Failure(context, status.at);
    return true;
  }
  void expect(const char* name, const Tensor& tensor, const std::vector<int64_t>& dims) {
    if (!status.ok() || tensor.dims() == dims) return;
    const std::string text = std::string("tf1bn.native: ") + name + " has shape " + text_of(tensor.dims()) +
                             "; expected " + text_of(dims);
    TF_SetStatus(status.at, TF_INVALID_ARGUMENT, text.c_str());
  }
  void input(int i, Tensor& to) {
    if (status.ok()) TF_GetInput(context, i, &to.at, status.at);
  }
  template <class F>
  void output(int i, Tensor& to, const std::vector<int64_t>& dims) {
    if (!status.ok()) return;
    size_t bytes = sizeof(F);
    for (int64_t d : dims) bytes *= static_cast<size_t>(d);
    to.at = TF_AllocateOutput(context, i, kType<F>, dims.data(), static_cast<int>(dims.size()), bytes, status.at);
  }
  // Makes output 0 of an input's memory where nothing else wants that input, which must not be held yet.
  void in_place_of(int input, Tensor& to, const std::vector<int64_t>& dims) {
    if (!status.ok()) return;
    int taken = -1;
    to.at = TF_ForwardInputOrAllocateOutput(context, &input, 1, 0, dims.data(), static_cast<int>(dims.size()), &taken,
                                            status.at);
  }
  std::vector<int64_t> of_rank(int64_t rank, const Tensor& x) {
    std::vector<int64_t> dims = x.dims();
    if (static_cast<int64_t>(dims.size()) != rank) {
      const std::string text = "tf1bn.native: x has shape " + text_of(dims) + "; expected rank " + std::to_string(rank);
      TF_SetStatus(status.at, TF_INVALID_ARGUMENT, text.c_str());
    }
    return dims;
  }
};

template <class E>
void forward(void* of, TF_OpKernelContext* context) {
  typedef ComputedIn<E> F;
  auto& kernel = *static_cast<Kernel*>(of);
  Call call(context);
  Tensor x, gamma, beta, average_mean, average_variance, weights, is_training;
  call.input(0, x);
  if (call.failed()) return;
  const std::vector<int64_t> dims = call.of_rank(kernel.rank, x);
  if (call.failed()) return;
  const int64_t c = dims.back(), n = c ? x.size() / c : 0;
  Tensor* const others[] = {&gamma, &beta, &average_mean, &average_variance, &weights, &is_training};
  const char* const names[] = {"gamma", "beta", "average_mean", "average_variance", "weights", "is_training"};
  for (int i = 0; i < 6; ++i) call.input(i + 1, *others[i]);
  if (call.failed()) return;
  for (int i = 0; i < 2; ++i) call.expect(names[i], *others[i], {c});
  const std::vector<int64_t> kept{kernel.averages ? c : 0};
  for (int i = 2; i < 4; ++i) call.expect(names[i], *others[i], kept);
  call.expect(names[4], weights, {3}), call.expect(names[5], is_training, {});
  if (call.failed()) return;
  const bool training = *is_training.values<bool>();
  if (!training && !kernel.averages) {
    TF_SetStatus(call.status.at, TF_INVALID_ARGUMENT, "tf1bn.native: is_training is off, and there are no averages");
    if (call.failed()) return;
  }
  Tensor y, mean, variance, mean_share, variance_share, kept_share, saved;
  x.clear();
  call.in_place_of(0, y, dims);
  call.input(0, x);
  call.output<F>(1, mean, {c}), call.output<F>(2, variance, {c});
  call.output<F>(3, mean_share, {c}), call.output<F>(4, variance_share, {c}), call.output<F>(5, kept_share, {});
  call.output<F>(6, saved, {4, c});
  if (call.failed()) return;
  Forward<E> work{n, c, x.values<E>(), gamma.values<F>(), beta.values<F>(), average_mean.values<F>(),
                  average_variance.values<F>(), kernel.epsilon, kernel.relu != 0, training, y.values<E>(),
                  mean.values<F>(), variance.values<F>(), saved.values<F>()};
  run(work, kernel.setting(context));
  run(Shares<F>{n, c, kernel.averages ? average_mean.values<F>() : nullptr,
                kernel.averages ? average_variance.values<F>() : nullptr, mean.values<F>(), variance.values<F>(),
                weights.values<F>(), training, kernel.bessel != 0, kernel.guarded != 0, mean_share.values<F>(),
                variance_share.values<F>(), kept_share.values<F>()});
}

template <class E>
void backward(void* of, TF_OpKernelContext* context) {
  typedef ComputedIn<E> F;
  auto& kernel = *static_cast<Kernel*>(of);
  Call call(context);
  Tensor dy, x, gamma, beta, saved, dx, dgamma, dbeta;
  call.input(1, x), call.input(2, gamma), call.input(3, beta), call.input(4, saved), call.input(0, dy);
  if (call.failed()) return;
  const std::vector<int64_t> dims = call.of_rank(kernel.rank, x);
  if (call.failed()) return;
  const int64_t c = dims.back(), n = c ? x.size() / c : 0;
  call.expect("dy", dy, dims), call.expect("gamma", gamma, {c}), call.expect("beta", beta, {c});
  call.expect("saved", saved, {4, c});
  if (call.failed()) return;
  dy.clear();
  call.in_place_of(0, dx, dims);
  call.input(0, dy);
  call.output<F>(1, dgamma, {c}), call.output<F>(2, dbeta, {c});
  if (call.failed()) return;
  run(Backward<E>{n, c, dy.values<E>(), x.values<E>(), gamma.values<F>(), beta.values<F>(), saved.values<F>(),
                  kernel.relu != 0, dx.values<E>(), dgamma.values<F>(), dbeta.values<F>()},
      kernel.setting(context));
}

// Shapes, as far as they are known while a graph is built.
class Shapes {
 public:
  Shapes(TF_ShapeInferenceContext* context, TF_Status* status) : context_(context), status_(status) {}
  ~Shapes() {
    for (TF_ShapeHandle* each : made_) TF_DeleteShapeHandle(each);
  }
  TF_ShapeHandle* input(int i) {
    TF_ShapeHandle* const found = keep(TF_NewShapeHandle());
    if (ok()) TF_ShapeInferenceContextGetInput(context_, i, found, status_);
    return found;
  }
  TF_ShapeHandle* at_least_matrix(TF_ShapeHandle* shape) {
    if (ok()) TF_ShapeInferenceContextWithRankAtLeast(context_, shape, 2, shape, status_);
    return shape;
  }
  TF_ShapeHandle* last(TF_ShapeHandle* shape) {
    TF_ShapeHandle* const found = keep(TF_NewShapeHandle());
    if (ok()) TF_ShapeInferenceContextSubshape(context_, shape, -1, INT64_MAX, found, status_);
    return found;
  }
  TF_ShapeHandle* scalar() { return keep(TF_ShapeInferenceContextScalar(context_)); }
  TF_ShapeHandle* rows(int64_t count, TF_ShapeHandle* row) {
    TF_ShapeHandle* const found = keep(TF_NewShapeHandle());
    TF_ShapeHandle* const counted = keep(TF_ShapeInferenceContextVectorFromSize(context_, count));
    if (ok()) TF_ShapeInferenceContextConcatenateShapes(context_, counted, row, found, status_);
    return found;
  }
  void output(int i, TF_ShapeHandle* shape) {
    if (ok()) TF_ShapeInferenceContextSetOutput(context_, i, shape, status_);
  }

 private:
  bool ok() const { return TF_GetCode(status_) == TF_OK; }
  TF_ShapeHandle* keep(TF_ShapeHandle* made) {
    made_.push_back(made);
    return made;
  }
  TF_ShapeInferenceContext* context_;
  TF_Status* status_;
  std::vector<TF_ShapeHandle*> made_;
};

void forward_shapes(TF_ShapeInferenceContext* context, TF_Status* status) {
  Shapes shapes(context, status);
  TF_ShapeHandle* const x = shapes.at_least_matrix(shapes.input(0));
  TF_ShapeHandle* const channels = shapes.last(x);
  shapes.output(0, x), shapes.output(1, channels), shapes.output(2, channels);
  shapes.output(3, channels), shapes.output(4, channels), shapes.output(5, shapes.scalar());
  shapes.output(6, shapes.rows(4, channels));
}

void backward_shapes(TF_ShapeInferenceContext* context, TF_Status* status) {
  Shapes shapes(context, status);
  TF_ShapeHandle* const x = shapes.at_least_matrix(shapes.input(1));
  TF_ShapeHandle* const channels = shapes.last(x);
  shapes.output(0, x), shapes.output(1, channels), shapes.output(2, channels);
}

typedef std::initializer_list<const char*> Texts;

void define(const char* name, Texts inputs, Texts outputs, Texts attributes,
            void (*infer)(TF_ShapeInferenceContext*, TF_Status*), TF_Status* status) {
  TF_OpDefinitionBuilder* const op = TF_NewOpDefinitionBuilder(name);
  for (const char* each : attributes) TF_OpDefinitionBuilderAddAttr(op, each);
  for (const char* each : inputs) TF_OpDefinitionBuilderAddInput(op, each);
  for (const char* each : outputs) TF_OpDefinitionBuilderAddOutput(op, each);
  TF_OpDefinitionBuilderSetShapeInferenceFunction(op, infer);
  TF_RegisterOpDefinition(op, status);
}

template <class E>
void serve(TF_Status* status) {
  const auto add = [&](const char* name, void* (*make)(TF_OpKernelConstruction*),
                       void (*compute)(void*, TF_OpKernelContext*)) {
    if (TF_GetCode(status) != TF_OK) return;
    TF_KernelBuilder* const kernel = TF_NewKernelBuilder(name, "CPU", make, compute, destroy);
    TF_KernelBuilder_TypeConstraint(kernel, "T", kType<E>, status);
    if (TF_GetCode(status) == TF_OK) TF_KernelBuilder_TypeConstraint(kernel, "U", kType<ComputedIn<E>>, status);
    if (TF_GetCode(status) == TF_OK) TF_RegisterKernelBuilder(name, kernel, status);
  };
  add(kForwardName, create<false>, forward<E>);
  add(kBackwardName, create<true>, backward<E>);
}

// What went wrong when the library was loaded; empty for nothing.
const std::string& registered() {
  static const std::string problem = [] {
    Status status;
    define(kForwardName,
           {"x: T", "gamma: U", "beta: U", "average_mean: U", "average_variance: U", "weights: U", "is_training: bool"},
           {"y: T", "mean: U", "variance: U", "mean_share: U", "variance_share: U", "kept: U", "saved: U"},
           {"T: {half, bfloat16, float, double}", "U: {float, double}", "rank: int >= 2", "epsilon: float",
            "epsilon_rest: float = 0", "relu: bool = false", "averages: bool = false", "bessel: bool = false",
            "guarded: bool = false"},
           forward_shapes, status.at);
    if (status.ok())
      define(kBackwardName, {"dy: T", "x: T", "gamma: U", "beta: U", "saved: U"}, {"dx: T", "dgamma: U", "dbeta: U"},
             {"T: {half, bfloat16, float, double}", "U: {float, double}", "rank: int >= 2", "epsilon: float",
              "epsilon_rest: float = 0", "relu: bool = false"},
             backward_shapes, status.at);
    serve<float>(status.at), serve<double>(status.at), serve<Half>(status.at), serve<Bfloat16>(status.at);
    return std::string(status.ok() ? "" : TF_Message(status.at));
  }();
  return problem;
}

const bool loaded = registered().empty();

}  // namespace
}  // namespace tf1bn

extern "C" {

__attribute__((visibility("default"))) const char* tf1bn_native_problem() { return tf1bn::registered().c_str(); }

__attribute__((visibility("default"))) const char* tf1bn_native_level(int i) {
  const tf1bn::Level* const level = tf1bn::level_at(i);
  return level ? level->name : nullptr;
}

__attribute__((visibility("default"))) int tf1bn_native_threads() { return tf1bn::default_threads(); }
}
