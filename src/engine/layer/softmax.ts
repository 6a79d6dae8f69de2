/** Operations of a softmax per score: the maximum, its subtraction, exponential, sum and division (Ivanov et al. count 6). */
export const SOFTMAX_FLOPS = 6;

/** Of its gradient: the product with what comes in, its sum, subtraction, product and scale. */
export const SOFTMAX_BACKWARD_FLOPS = 5;
